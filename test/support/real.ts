/** Real components from the machine. A suite that lacks one is skipped by name, and `npm test` prints which. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe } from 'vitest';

export type Component =
  | 'haproxy'
  | 'prometheus'
  | 'prometheus-alertmanager'
  | 'prometheus-node-exporter'
  | 'nginx'
  | 'postgres'
  | 'chromium'
  | 'terraform'
  | 'podman'
  | 'promtool'
  | 'amtool'
  | 'ansible-playbook'
  | 'openssl'
  | 'stress';

/** Path of the program, or null. */
export function find(component: Component): string | null {
  const path = `${process.env['PATH'] ?? ''}${delimiter}/usr/sbin${delimiter}/usr/local/sbin${delimiter}/sbin`;
  for (const dir of path.split(delimiter)) {
    try {
      accessSync(join(dir, component), constants.X_OK);
      return join(dir, component);
    } catch {}
  }
  return null;
}

/** `describe`, when every component is there; else a skipped suite whose title names what is missing. */
export function describeWith(components: readonly Component[], title: string, body: () => void): void {
  const lacking = components.filter((c) => find(c) === null);
  if (lacking.length === 0) describe(title, body);
  else describe.skip(`${title} [needs ${lacking.join(', ')}]`, body);
}

/** `describe`, unless there is a reason why it cannot be had here; else a skipped suite whose title names it. */
export function describeUnless(reason: string | null, title: string, body: () => void): void {
  if (reason === null) describe(title, body);
  else describe.skip(`${title} [${reason}]`, body);
}
