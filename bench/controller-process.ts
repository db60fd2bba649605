/**
 * node controller-process.ts FILE: the whole controller with that configuration, as `drover serve` wires it. Prints one JSON object a line:
 * `{"ready":{url, tokenFile, installId}}`, then every event of the store. Ends at SIGTERM; its machines stay.
 */
import { startController } from '../src/app/controller.ts';

const [configFile = 'drover.yaml'] = process.argv.slice(2);
const say = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);
const controller = await startController({ configFile, log: { format: 'text', level: 'warn' } });
controller.operations.onEvents((events) => {
  for (const { atMs, group, type, data } of events) say({ atMs, group, type, data });
});
say({ ready: { url: controller.url, tokenFile: controller.tokenFile, installId: controller.store.installId } });
process.once('SIGTERM', () => void controller.stop().then(() => process.exit(0)));
