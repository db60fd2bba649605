import { describe, expect, it } from 'vitest';
import type { AlertFormat, InboundAlert, ParsedAlerts } from '../ports/alert-format.ts';

/** Real bodies of the sender, or bodies written after its documentation. */
export interface AlertFormatSamples {
  /** One alert begins to fire. */
  readonly firing: string;
  /** The same alert, sent again while it still fires. */
  readonly repeat: string;
  /** The same alert ends. Null: this sender never says so. */
  readonly resolved: string | null;
  /** The same alert fires again later. */
  readonly nextEpisode: string;
  /** Understood and without effect. */
  readonly ignored: readonly string[];
  /** Valid JSON that is not of this sender. */
  readonly foreign: readonly string[];
  /** A body with `count` distinct firing alerts; null where a message carries one alert. */
  readonly many: ((count: number) => string) | null;
  /** What the first alert of `firing` is called, and one of its labels. */
  readonly name: string;
  readonly label: readonly [name: string, value: string];
}

export interface AlertFormatAbilities {
  /** Tells when an alert started, so that episodes can be told apart. Without it alerts are marked `startUnknown`. */
  readonly starts: boolean;
}

const NOW_MS = Date.UTC(2026, 10, 22, 12, 0, 0);
const MAX_ALERTS = 1000;

/** Every alert format passes this. */
export function alertFormatContract(title: string, format: AlertFormat, samples: AlertFormatSamples, can: AlertFormatAbilities): void {
  const first = (body: string): InboundAlert => {
    const parsed = format.parse(body, NOW_MS);
    expect(parsed, parsed.kind === 'alerts' ? '' : parsed.why).toMatchObject({ kind: 'alerts' });
    const alert = parsed.kind === 'alerts' ? parsed.alerts[0] : undefined;
    if (alert === undefined) throw new Error('the sample holds no alert');
    return alert;
  };

  describe(`alert format contract: ${title}`, () => {
    it('reads a firing alert', () => {
      const alert = first(samples.firing);
      expect(alert).toMatchObject({ status: 'firing', name: samples.name });
      expect(alert.labels[samples.label[0]]).toBe(samples.label[1]);
      expect(alert.episode.length).toBeGreaterThan(0);
      expect(Number.isFinite(alert.startsAtMs)).toBe(true);
      expect(alert.startUnknown === true).toBe(!can.starts);
      // `fingerprint/start`: what stands before the last slash names the alert, what stands behind it the episode.
      expect(alert.episode.includes('/')).toBe(can.starts);
    });

    it('gives repeats the same episode, and the next firing another (where starts are told)', () => {
      const episode = first(samples.firing).episode;
      expect(first(samples.repeat)).toMatchObject({ status: 'firing', episode });
      if (can.starts) expect(first(samples.nextEpisode).episode).not.toBe(episode);
      else expect(first(samples.nextEpisode).episode).toBe(episode);
    });

    it.runIf(samples.resolved !== null)('gives the end the episode of its beginning', () => {
      expect(first(samples.resolved ?? '')).toMatchObject({ status: 'resolved', episode: first(samples.firing).episode });
    });

    it('ignores what it understands and must not act on, and says why', () => {
      for (const body of samples.ignored) {
        const parsed = format.parse(body, NOW_MS);
        expect(parsed.kind).toBe('ignored');
        expect(whyOf(parsed).length).toBeGreaterThan(5);
      }
    });

    it.each(['', ' ', '{', 'null', '7', '"text"', 'true', '<html>', '\u0000', '[[[[', `${'['.repeat(100_000)}`, `{"alerts":${'{"a":'.repeat(5000)}`])(
      'calls nonsense malformed, and says why: %.20s',
      (body) => {
        const parsed = format.parse(body, NOW_MS);
        expect(parsed.kind).toBe('malformed');
        expect(whyOf(parsed).length).toBeGreaterThan(5);
        expect(whyOf(parsed).length).toBeLessThan(500);
      },
    );

    it('calls bodies of other systems malformed', () => {
      for (const body of samples.foreign) expect(format.parse(body, NOW_MS).kind).toBe('malformed');
    });

    it('survives every single value of a message being replaced by something else', () => {
      let parsed = 0;
      for (const body of [samples.firing, samples.resolved, samples.repeat].filter((b) => b !== null)) {
        for (const changed of mutations(JSON.parse(body))) {
          expectSound(format.parse(changed, NOW_MS));
          parsed++;
        }
      }
      expect(parsed).toBeGreaterThan(20);
    });

    it('survives a message cut off anywhere', () => {
      const step = Math.max(1, Math.floor(samples.firing.length / 200));
      for (let end = 0; end < samples.firing.trimEnd().length; end += step) expect(format.parse(samples.firing.slice(0, end), NOW_MS).kind).toBe('malformed');
    });

    it('ignores keys it does not know', () => {
      const document = JSON.parse(samples.firing);
      if (Array.isArray(document)) return;
      expect(format.parse(JSON.stringify({ ...document, added_in_a_later_version: { x: [1] } }), NOW_MS)).toEqual(format.parse(samples.firing, NOW_MS));
    });

    it('does not let labels reach a prototype', () => {
      const needle = JSON.stringify(samples.label[0]);
      for (const name of ['__proto__', 'constructor', 'prototype', 'toString']) {
        const parsed = format.parse(samples.firing.replaceAll(`${needle}:`, `${JSON.stringify(name)}:`), NOW_MS);
        expectSound(parsed);
      }
      expect(({} as Record<string, unknown>)[samples.label[0]]).toBeUndefined();
      expect(Object.getOwnPropertyNames(Object.prototype)).not.toContain(samples.label[1]);
      const labels = first(samples.firing).labels;
      expect(labels['constructor']).toBeUndefined();
      expect(labels['toString']).toBeUndefined();
    });

    it.runIf(samples.many !== null)('reads at most 1000 alerts of one message and counts the rest as left out', () => {
      const parsed = format.parse(samples.many?.(MAX_ALERTS + 5) ?? '', NOW_MS);
      expect(parsed).toMatchObject({ kind: 'alerts', truncated: 5 });
      if (parsed.kind !== 'alerts') return;
      expect(parsed.alerts).toHaveLength(MAX_ALERTS);
      expect(new Set(parsed.alerts.map((a) => a.episode)).size).toBe(MAX_ALERTS);
    });

    it('is pure: the same body gives the same result', () => {
      expect(format.parse(samples.firing, NOW_MS)).toEqual(format.parse(samples.firing, NOW_MS));
    });
  });
}

function whyOf(parsed: ParsedAlerts): string {
  return parsed.kind === 'alerts' ? '' : parsed.why;
}

/** Whatever came in, what comes out has the promised shape. */
function expectSound(parsed: ParsedAlerts): void {
  if (parsed.kind !== 'alerts') {
    expect(['ignored', 'malformed']).toContain(parsed.kind);
    expect(typeof parsed.why).toBe('string');
    return;
  }
  expect(Number.isInteger(parsed.truncated) && parsed.truncated >= 0).toBe(true);
  for (const alert of parsed.alerts) {
    expect(['firing', 'resolved']).toContain(alert.status);
    for (const text of [alert.episode, alert.name]) expect(typeof text === 'string' && text.length <= 2000).toBe(true);
    expect(Number.isFinite(alert.startsAtMs)).toBe(true);
    expect(alert.endsAtMs === null || Number.isFinite(alert.endsAtMs)).toBe(true);
    for (const texts of [alert.labels, alert.annotations]) {
      for (const value of Object.values(texts)) expect(typeof value === 'string' && value.length <= 10_000).toBe(true);
      expect([null, Object.prototype]).toContain(Object.getPrototypeOf(texts));
    }
  }
}

const REPLACEMENTS: readonly unknown[] = [null, 0, -1, 1e308, true, '', 'x'.repeat(20_000), [], {}, [null], [[{}]], { a: { b: 1 } }, '9999-99-99T99:99:99Z'];

/** The document with one value at a time replaced, or left out. */
function* mutations(document: unknown): Generator<string> {
  for (const replacement of REPLACEMENTS) yield JSON.stringify(replacement);
  const places: { readonly holder: Record<string, unknown>; readonly key: string }[] = [];
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const key of Object.keys(value)) {
      places.push({ holder: value as Record<string, unknown>, key });
      walk((value as Record<string, unknown>)[key]);
    }
  };
  walk(document);
  for (const { holder, key } of places) {
    const kept = holder[key];
    for (const replacement of [...REPLACEMENTS, undefined]) {
      holder[key] = replacement;
      yield JSON.stringify(document);
    }
    holder[key] = kept;
  }
}
