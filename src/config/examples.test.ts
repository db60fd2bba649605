import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DRIVERS } from '../app/registry.ts';
import { type ManifestRegistry, manifestOf } from './drivers.ts';
import { jsonSchema } from './json-schema.ts';
import { type LoadedConfig, loadConfig, neededDrivers } from './load.ts';
import { printExpanded } from './print-expanded.ts';

const folder = new URL('../../examples/', import.meta.url);
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

async function realManifests(): Promise<ManifestRegistry> {
  const tables: Record<string, Record<string, unknown>> = { cloud: {}, balancer: {}, source: {}, 'alert-format': {}, hook: {}, notifier: {} };
  for (const [key, load] of Object.entries(DRIVERS)) {
    const [kind = '', id = ''] = key.split('/');
    const table = tables[kind];
    if (table !== undefined) table[id] = (await load()).manifest;
  }
  const { cloud, balancer, source, hook, notifier } = tables;
  return {
    clouds: cloud,
    balancers: balancer,
    sources: source,
    alertFormats: tables['alert-format'],
    hooks: hook,
    notifiers: notifier,
  } as unknown as ManifestRegistry;
}

const registry = await realManifests();
const examples = readdirSync(folder)
  .filter((f) => f.endsWith('.drover.yaml'))
  .sort();

function loadExample(file: string): LoadedConfig {
  const result = loadConfig({ file, text: readFileSync(new URL(file, folder), 'utf8') }, registry, { sha256 });
  if (!result.ok) throw new Error(result.diagnostics.map((d) => `${d.file}:${d.line}:${d.column} ${d.code} ${d.message} (${d.label})`).join('\n'));
  return result.config;
}

describe('the examples, with the real drivers', () => {
  it('are all here', () => {
    expect(examples).toEqual(['exec.drover.yaml', 'full.drover.yaml', 'haproxy-prometheus.drover.yaml', 'minimal.drover.yaml']);
  });

  it.each(examples)('%s is valid, without a warning, and its long form means the same', (file) => {
    const config = loadExample(file);
    expect(config.warnings.map((w) => w.message)).toEqual([]);
    const again = loadConfig({ file, text: printExpanded(config.expanded) }, registry, { sha256 });
    if (!again.ok) throw new Error(again.diagnostics.map((d) => `${d.line}:${d.column} ${d.message}`).join('\n'));
    expect(again.config.hash).toBe(config.hash);
    const { written: _, ...group } = again.config.groups[0] ?? {};
    expect(config.groups[0]).toMatchObject(group);
  });

  it.each(examples)('%s names drivers that exist, and options that its drivers take back unchanged', (file) => {
    const config = loadExample(file);
    const ids = {
      cloud: ['local', 'exec'],
      balancer: ['haproxy', 'proxy'],
      source: ['prometheus', 'http', 'haproxy'],
      'alert-format': ['alertmanager', 'grafana', 'generic'],
      hook: ['http', 'exec'],
      notifier: ['webhook', 'slack', 'mattermost', 'email'],
    };
    const needed = neededDrivers(config.source, ids);
    expect(needed.length).toBeGreaterThan(0);
    for (const { kind, id } of needed) expect(manifestOf(registry, kind, id), `${kind} ${id}`).not.toBeNull();
    for (const { driver, options } of Object.values(config.clouds)) expect(registry.clouds[driver]?.options.parse(options)).toEqual(options);
    for (const { driver, options } of Object.values(config.balancers)) expect(registry.balancers[driver]?.options.parse(options)).toEqual(options);
    for (const { driver, options } of Object.values(config.sources)) expect(registry.sources[driver]?.options.parse(options)).toEqual(options);
    for (const { driver, options } of Object.values(config.notifiers)) expect(registry.notifiers[driver]?.options.parse(options)).toEqual(options);
  });

  it('the minimal one has at most 12 lines', () => {
    expect(readFileSync(new URL('minimal.drover.yaml', folder), 'utf8').trimEnd().split('\n').length).toBeLessThanOrEqual(12);
  });

  it('the full one uses every driver and every type of policy', () => {
    const config = loadExample('full.drover.yaml');
    const used = (part: Readonly<Record<string, { driver?: string; format?: string }>>): string[] =>
      [...new Set(Object.values(part).map((p) => p.driver ?? p.format ?? ''))].sort();
    expect(used(config.clouds)).toEqual(['exec', 'local']);
    expect(used(config.sources)).toEqual(['haproxy', 'http', 'prometheus']);
    expect(used(config.receivers)).toEqual(['alertmanager', 'generic', 'grafana']);
    expect(new Set(config.groups.flatMap((g) => g.policies.map((p) => p.type)))).toEqual(new Set(['target', 'step', 'schedule', 'alert', 'formula']));
  });

  it('the schema for editors in the repository is the one that is generated', () => {
    const stored = readFileSync(new URL('../../schema/drover.schema.json', import.meta.url), 'utf8');
    expect(JSON.parse(stored)).toEqual(JSON.parse(JSON.stringify(jsonSchema(registry))));
  });
});
