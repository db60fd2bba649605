import { usageError } from '../cli-error.ts';
import { completionScript, SHELLS } from '../completion-script.ts';
import type { Run } from '../context.ts';
import { EXIT } from '../exit-codes.ts';

export const completion: Run = async (ctx, input) => {
  const asked = input.need(0);
  const shell = SHELLS.find((s) => s === asked);
  if (shell === undefined) throw usageError(`completion is for ${SHELLS.join(', ')}, not \`${asked}\``);
  const text = completionScript(shell);
  if (ctx.globals.json) ctx.document({ schema: 'drover.completion/v1', shell, text });
  else ctx.io.stdout.write(text);
  return EXIT.ok;
};
