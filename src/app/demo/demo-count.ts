import type { EventRow } from '../../ports/ports.ts';

/** What the demo tells at its end. */
export interface DemoSummary {
  readonly requests: number;
  readonly failed: number;
  readonly scaled_out: number;
  readonly scaled_in: number;
  readonly replaced: number;
  /** Seconds from the controller's start to the first decision that answered load, and to the first machine it brought into service. */
  readonly first_decision_s: number | null;
  readonly first_serving_s: number | null;
}

/** Counts from the events alone, as any reader of the API could. */
export class DemoCount {
  #first = true;
  #out = 0;
  #in = 0;
  #lost = 0;
  #replaced = 0;
  #firstDecisionMs: number | null = null;
  #firstServingMs: number | null = null;
  readonly #byDecision = new Set<string>();

  see(e: EventRow): void {
    const data = e.data as Record<string, string>;
    if (e.type === 'decision' && data['outcome'] === 'scale_out') {
      if (this.#first) return; // filling up to the minimum is not an answer to load
      this.#out++;
      this.#firstDecisionMs ??= e.atMs;
      this.#byDecision.add(String(data['id']));
    } else if (e.type === 'decision' && data['outcome'] === 'scale_in') this.#in++;
    else if (e.type === 'instance.draining' && (data['cause'] === 'vanished' || data['cause'] === 'replace-unhealthy')) this.#lost++;
    else if (e.type === 'instance.serving') {
      if (this.#lost > this.#replaced) this.#replaced++;
      else if (this.#firstDecisionMs !== null) this.#firstServingMs ??= e.atMs;
    }
  }

  /** The group has its minimum: what comes now is the demo. */
  begin(): void {
    this.#first = false;
  }

  summary(requests: number, failed: number, startMs: number): DemoSummary {
    const since = (at: number | null): number | null => (at === null ? null : Math.round((at - startMs) / 100) / 10);
    return {
      requests,
      failed,
      scaled_out: this.#out,
      scaled_in: this.#in,
      replaced: this.#replaced,
      first_decision_s: since(this.#firstDecisionMs),
      first_serving_s: since(this.#firstServingMs),
    };
  }
}
