/** The group of the picture: what the ten lines of README.md become. */
import { readFileSync } from 'node:fs';
import { loadConfig } from '../../src/config/config.ts';
import { manifest as local } from '../../src/drivers/clouds/local/driver.ts';
import { manifest as prometheus } from '../../src/drivers/sources/prometheus/driver.ts';

const IDS = { cloud: ['local'], balancer: [], source: ['prometheus'], 'alert-format': [], hook: [], notifier: [] };
const REGISTRY = { clouds: { local }, balancers: {}, sources: { prometheus }, alertFormats: {}, hooks: {}, notifiers: {}, ids: IDS };

export function groupSpec() {
  const text = readFileSync(new URL('../../examples/minimal.drover.yaml', import.meta.url), 'utf8');
  // A hash only has to tell versions apart here.
  const loaded = loadConfig({ file: 'minimal.drover.yaml', text }, REGISTRY, {
    sha256: (each) => String(each.length).padStart(64, '0'),
    fileExists: () => true,
  });
  if (!loaded.ok) throw new Error(loaded.diagnostics.map((each) => each.message).join('; '));
  return loaded.config.groups[0];
}
