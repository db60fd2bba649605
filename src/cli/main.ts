/** The command `drover`. Help and version are answered before anything else is loaded. */
import { processIo } from './io.ts';
import { ROOT_HELP } from './root-help.ts';

// Whoever reads our output may stop reading (`drover history | head`): that is no failure.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (e: NodeJS.ErrnoException) => {
    if (e.code === 'EPIPE') process.exit(0);
    process.stderr.write(`drover: cannot write: ${e.message}\n`, () => process.exit(1));
  });
}

for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, (e: unknown) => {
    const detail = process.env['DROVER_DEBUG'] && e instanceof Error ? `${e.stack}\n` : '';
    process.stderr.write(`drover: this should not happen: ${e instanceof Error ? `${e.name}: ${e.message}` : String(e)}\n${detail}`, () => process.exit(1));
  });
}

const argv = process.argv.slice(2);
const [only] = argv;
if (argv.length === 0 || (argv.length === 1 && (only === '--help' || only === '-h'))) {
  process.stdout.write(ROOT_HELP);
} else {
  const interrupt = (): void => process.exit(130);
  process.on('SIGINT', interrupt);
  const { run } = await import('./run.ts');
  const io = processIo();
  // A command that wants the signal itself takes the place of the plain end.
  const code = await run(argv, {
    ...io,
    onSignal: (signal, listener) => {
      if (signal === 'SIGINT') process.off('SIGINT', interrupt);
      return io.onSignal(signal, listener);
    },
  });
  // Open connections must not keep a finished command; on Linux and macOS what was written to pipes has been handed over.
  process.stdout.write('', () => process.exit(code));
}
