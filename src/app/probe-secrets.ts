/** Reads every secret the configuration refers to, as the controller would when it needs it. */
import { type LoadedConfig, secretReferences } from '../config/config.ts';
import { realFiles } from '../platform/files.ts';
import { createSecrets } from '../platform/secrets.ts';
import { asDriverError } from '../ports/ports.ts';
import { vaultPlaceOf } from './kept-secrets.ts';
import type { Finding } from './probe-world.ts';

/** One finding for each that cannot be read, else one for all of them; none where there are no secrets. Values go nowhere. */
export async function probeSecrets(config: LoadedConfig, configFile: string): Promise<Finding[]> {
  const baseDir = realFiles.resolve(configFile, '..');
  const secrets = createSecrets(baseDir, vaultPlaceOf(config.server, baseDir));
  const references = secretReferences(config.expanded);
  const failures: Finding[] = [];
  for (const { ref, path } of references) {
    try {
      await secrets.resolve(ref);
    } catch (e) {
      failures.push({ status: 'FAIL', subject: 'secrets', text: asDriverError(e).message.replace(/^secret: /, ''), more: [`asked for by ${path}`], at: null });
    }
  }
  if (failures.length > 0 || references.length === 0) return failures;
  const fromEnvironment = [...new Set(references.flatMap(({ ref }) => ('env' in ref ? [ref.env] : [])))];
  const many = `${references.length} can be read`;
  // Values in the environment are seen by every child process and by whoever may look at /proc.
  const text =
    fromEnvironment.length === 0
      ? many
      : `${many}; ${fromEnvironment.join(', ')} from the environment: a file, a systemd credential or \`drover secret set\` is seen by fewer`;
  return [{ status: 'ok', subject: 'secrets', text, more: [], at: null }];
}
