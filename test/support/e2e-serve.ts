/** Stands for `drover serve FILE`. */
import { startController } from '../../src/app/controller.ts';

const controller = await startController({ configFile: process.argv[3] ?? '', log: { format: 'json' } });
process.once('SIGTERM', () => void controller.stop().then(() => process.exit(0)));
