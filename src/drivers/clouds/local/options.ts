import { z } from 'zod';
import { commandLine, declaredEnv } from '../../../kit/command.ts';
import { explainFields } from '../../../kit/fill.ts';
import { durationBetween } from '../../../kit/timeout-option.ts';

const LOOPBACK = /^127(\.(25[0-5]|2[0-4]\d|1\d\d|\d\d?)){3}$/;

export const localOptions = z.strictObject({
  addresses: z
    .enum(['shared', 'own'])
    .default('shared')
    .describe(
      '`shared`: all machines have one loopback address and each its own port. `own`: each has its own loopback address and all the port of their template. Default: shared.',
    ),
  address: z
    .string()
    .regex(LOOPBACK, 'must be a loopback address such as 127.0.0.1')
    .default('127.0.0.1')
    .describe('The address of all machines with `addresses: shared`. Default: 127.0.0.1.'),
  ports: z
    .string()
    .regex(/^\d{1,5}-\d{1,5}$/, 'must be a range such as 20000-29999')
    .refine((text) => {
      const { from, to } = portRange(text);
      return from >= 1 && from <= to && to <= 65_535;
    }, 'must go upwards within 1-65535')
    .default('20000-29999')
    .describe('The ports that machines get with `addresses: shared`, first to last. Default: 20000-29999.'),
  network: z
    .string()
    .regex(/^127\.(25[0-5]|2[0-4]\d|1\d\d|\d\d?)\.0\.0\/16$/, 'must be a loopback network such as 127.20.0.0/16')
    .default('127.20.0.0/16')
    .describe('Where the addresses of machines come from with `addresses: own`. Default: 127.20.0.0/16.'),
  log_dir: z
    .string()
    .min(1)
    .max(4096)
    .optional()
    .describe(
      'Directory for the output of the machines, one file per instance, appended to without limit; relative to the configuration file. Default: output is dropped.',
    ),
  max: z.int().min(1).max(10_000).default(100).describe('Most machines of this installation on this host, 1-10000. Default: 100.'),
  stop_timeout: durationBetween(100, 600_000)
    .default('10s')
    .describe('Time between SIGTERM and SIGKILL when a machine is deleted, 100ms to 10m. Default: 10s.'),
});
export type LocalOptions = z.output<typeof localOptions>;

/** Names that a template's texts may use. */
export const MACHINE_FIELDS = ['port', 'address', 'instance', 'group'] as const;

const filledText = (text: string, context: z.RefinementCtx, path: (string | number)[]): void => {
  const problem = explainFields(text, MACHINE_FIELDS);
  if (problem !== null) context.addIssue({ code: 'custom', message: problem, path });
};

export const localTemplate = z.strictObject({
  command: commandLine
    .superRefine((argv, context) => {
      argv.forEach((text, i) => {
        filledText(text, context, [i]);
      });
    })
    .describe(
      'Program and arguments that are the machine, run without a shell. It must stay in the foreground. {{port}}, {{address}}, {{instance}} and {{group}} are filled in.',
    ),
  env: declaredEnv
    .superRefine((env, context) => {
      for (const [name, value] of Object.entries(env)) {
        if (name === 'PORT' || name === 'ADDRESS') context.addIssue({ code: 'custom', message: 'is set to what the machine was given', path: [name] });
        if (typeof value === 'string') filledText(value, context, [name]);
      }
    })
    .default({})
    .describe(
      'Environment of the machine beside PATH, HOME, LANG, TZ, PORT, ADDRESS and DROVER_*. A value is a text (filled in like the command) or a secret: { env: NAME } or { file: PATH }.',
    ),
  cwd: z
    .string()
    .min(1)
    .max(4096)
    .optional()
    .describe('Working directory, relative to the configuration file. Default: the directory of the configuration file.'),
  port: z
    .int()
    .min(1)
    .max(65_535)
    .optional()
    .describe('Port that every machine listens on. Needed with `addresses: own`, not allowed with `addresses: shared`.'),
});
export type LocalTemplate = z.output<typeof localTemplate>;

export function portRange(text: string): { from: number; to: number } {
  const [from, to] = text.split('-').map(Number) as [number, number];
  return { from, to };
}
