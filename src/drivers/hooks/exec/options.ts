import { z } from 'zod';
import { commandLine, declaredEnv } from '../../../kit/command.ts';
import { explainFields } from '../../../kit/fill.ts';
import { HOOK_FIELDS } from '../../../kit/hook-fields.ts';

const command = commandLine
  .superRefine((argv, context) => {
    argv.forEach((text, i) => {
      const problem = explainFields(text, HOOK_FIELDS);
      if (problem !== null) context.addIssue({ code: 'custom', message: problem, path: [i] });
    });
  })
  .describe(
    'Program and arguments, run without a shell; a program with a slash in its name is relative to the configuration file. {{ip}}, {{port}}, {{id}}, {{instance}}, {{group}}, {{zone}}, {{step}} and {{token}} are filled in. Exit code 0 means success.',
  );

/** The command alone, or with more. */
export const execHookOptions = z.union([
  command,
  z.strictObject({
    command,
    env: declaredEnv
      .default({})
      .describe('Environment beside PATH, HOME, LANG, TZ and DROVER_*. A value is a text or a secret: { env: NAME } or { file: PATH }.'),
    amx: z
      .boolean()
      .default(false)
      .describe(
        'Also set the AMX_* variables of prometheus-am-executor for the alerts that the launch of this instance answers, so that a script written for it runs unchanged. None is set where no alert asked for the launch. Default false.',
      ),
    cwd: z
      .string()
      .min(1)
      .max(4096)
      .optional()
      .describe('Working directory, relative to the configuration file. Default: the directory of the configuration file.'),
  }),
]);
export type ExecHookOptions = z.output<typeof execHookOptions>;
