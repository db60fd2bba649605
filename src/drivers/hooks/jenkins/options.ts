import { z } from 'zod';
import { caOption } from '../../../kit/ca-option.ts';
import { explainFields } from '../../../kit/fill.ts';
import { HOOK_FIELDS } from '../../../kit/hook-fields.ts';
import { secretRef } from '../../../kit/secret-ref.ts';
import { durationBetween } from '../../../kit/timeout-option.ts';
import { urlOption } from '../../../kit/url-option.ts';

const user = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^:]*$/, 'must not contain a colon')
  .describe('User name in Jenkins.');

const parameterName = z.string().regex(/^[A-Za-z0-9_.-]{1,100}$/, 'a parameter is named with letters, digits, `_`, `.` and `-`');

const value = z
  .string()
  .max(4096)
  .superRefine((text, context) => {
    const problem = explainFields(text, HOOK_FIELDS);
    if (problem !== null) context.addIssue({ code: 'custom', message: problem });
  });

export const jenkinsHookOptions = z.strictObject({
  url: urlOption.describe('Address of Jenkins, with its path where it has one, e.g. https://ci.example.com/jenkins.'),
  job: z
    .string()
    .max(500)
    .regex(/^[^/\s][^/]*(\/[^/]+)*$/, 'a job is named with its folders before it: `team/scale-up`')
    .refine((name) => !name.split('/').some((part) => part === '.' || part === '..'), 'must not contain . or .. as a part')
    .describe('Name of the job, its folders before it: team/scale-up. It takes parameters.'),
  auth: z
    .union([
      z.strictObject({ user, token: secretRef.describe('API token of the user (Jenkins: user, Security, API Token).') }),
      z.strictObject({ user, password: secretRef.describe('Password of the user; a crumb and a session are then asked for.') }),
    ])
    .optional()
    .describe('Who Drover is to Jenkins: { user, token } or { user, password }. Default: nobody.'),
  parameters: z
    .record(parameterName, z.union([value, z.number(), z.boolean()]).transform(String))
    .default({})
    .describe('Parameters of the build. {{ip}}, {{port}}, {{id}}, {{instance}}, {{group}}, {{zone}}, {{step}} and {{token}} are filled in. Default: none.'),
  token_parameter: parameterName
    .default('DROVER_TOKEN')
    .describe(
      'Parameter of the job that takes the token by which a repeat finds the build it has started already. The job must have it. Default: DROVER_TOKEN.',
    ),
  allow_unstable: z.boolean().default(false).describe('Whether UNSTABLE counts as success, beside SUCCESS. Default: false.'),
  poll_every: durationBetween(50, 60_000)
    .default('5s')
    .describe('Longest pause between two looks at the queue and the build; the first ones are shorter. 50ms to 60s; default 5s.'),
  ca: caOption.optional(),
});
export type JenkinsHookOptions = z.output<typeof jenkinsHookOptions>;
