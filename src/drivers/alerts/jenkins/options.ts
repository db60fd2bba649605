import { z } from 'zod';
import { durationBetween } from '../../../kit/timeout-option.ts';

const jobName = z
  .string()
  .max(200)
  .regex(
    /^[A-Za-z0-9_][A-Za-z0-9._ -]{0,99}(\/[A-Za-z0-9_][A-Za-z0-9._ -]{0,99}){0,9}$/,
    'a job is named with letters, digits, `.`, `_`, `-` and spaces; its folders stand before it: `team/scale-up`',
  );
const parameterName = z.string().regex(/^[A-Za-z][A-Za-z0-9_.-]{0,99}$/, 'a parameter is named with letters, digits, `_`, `.` and `-`, at most 100');

const job = z.strictObject({
  parameters: z
    .record(parameterName, z.union([z.string().max(4096), z.number(), z.boolean()]).transform(String))
    .refine((all) => Object.keys(all).length <= 64, 'at most 64 parameters')
    .default({})
    .describe('Parameters and their defaults, e.g. { AMOUNT: 1 }. They become labels of the alert; what is sent and not named here is ignored. Default: none.'),
  valid_for: durationBetween(10_000, 3_600_000)
    .default('2m')
    .describe('How long groups have to act on a trigger: then it is over, and its build says why nothing was done. 10s to 1h; default 2m.'),
  quiet_period: durationBetween(0, 300_000)
    .default('5s')
    .describe('How long a trigger stays in the queue, where an equal one counts as the same. Groups see it at once all the same. 0s to 5m; default 5s.'),
});

export const jenkinsOptions = z
  .strictObject({
    jobs: z
      .record(jobName, job)
      .refine((all) => Object.keys(all).length <= 100, 'at most 100 jobs')
      .default({})
      .describe('Jobs that can be triggered, by their name: POST /job/NAME/buildWithParameters. A trigger becomes an alert of that name. Default: none.'),
    webhook: z
      .strictObject({
        body: z
          .enum(['alertmanager', 'grafana', 'parameters'])
          .describe('What is sent: a message of Alertmanager or Grafana, whose alerts count as in their own formats; or the parameters of `jobs`.'),
        jobs: z.array(jobName).min(1).max(20).optional().describe('With `body: parameters`: the jobs that a request triggers.'),
      })
      .optional()
      .describe('Take requests to /generic-webhook-trigger/invoke. Default: none are taken.'),
    crumb: z
      .boolean()
      .default(true)
      .describe('Ask for a crumb where a user and a password are sent, as Jenkins does; with a token none is needed. Default: true.'),
  })
  .superRefine((o, context) => {
    const told = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
    if (o.webhook === undefined) {
      if (Object.keys(o.jobs).length === 0) told(['jobs'], 'write `jobs`, `webhook` or both');
      return;
    }
    const { body, jobs } = o.webhook;
    if (body === 'parameters' && jobs === undefined) told(['webhook', 'jobs'], 'name the jobs that a request triggers');
    if (body !== 'parameters' && jobs !== undefined) told(['webhook', 'jobs'], 'alerts act by themselves: name jobs with `body: parameters` only');
    for (const name of jobs ?? []) if (!Object.hasOwn(o.jobs, name)) told(['webhook', 'jobs'], `there is no job ${name} under \`jobs\``);
  });
export type JenkinsOptions = z.output<typeof jenkinsOptions>;
