import { z } from 'zod';
import type { Json } from '../../../core/model/json.ts';
import { caOption } from '../../../kit/ca-option.ts';
import { explainFields } from '../../../kit/fill.ts';
import { HOOK_FIELDS } from '../../../kit/hook-fields.ts';
import { httpAuth, httpHeaders } from '../../../kit/http-auth.ts';
import { urlProblem } from '../../../kit/url-option.ts';
import { fillUrl } from './url.ts';

/** Stands in for every field when a URL is checked before there is a machine. */
const SAMPLE = { ip: '127.0.0.1', port: '1', id: 'x', instance: 'x', group: 'x', zone: 'x', step: 'x', token: 'x' };

const url = z
  .string()
  .max(4096)
  .superRefine((text, context) => {
    const problem = explainFields(text, HOOK_FIELDS) ?? urlProblem(fillUrl(text, SAMPLE));
    if (problem !== null) context.addIssue({ code: 'custom', message: problem });
  })
  .describe('Where to send the request. {{ip}}, {{port}}, {{id}}, {{instance}}, {{group}}, {{zone}}, {{step}} and {{token}} are filled in, URL-encoded.');

const body: z.ZodType<Json> = z.json() as z.ZodType<Json>;

/** The URL alone, or with more. */
export const httpHookOptions = z.union([
  url,
  z.strictObject({
    url,
    method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']).default('POST').describe('HTTP method. Default: POST.'),
    headers: httpHeaders.optional(),
    auth: httpAuth.optional(),
    body: body
      .superRefine((value, context) => {
        const problem = bodyProblem(value);
        if (problem !== null) context.addIssue({ code: 'custom', message: problem });
      })
      .optional()
      .describe(
        'What to send. A text is sent as it is with its fields filled in; anything else is sent as JSON with the fields in its texts filled in. Default: everything about the instance as JSON; nothing with GET and DELETE.',
      ),
    expect: z
      .array(z.int().min(100).max(599))
      .min(1)
      .max(100)
      .optional()
      .describe('Statuses that mean success. Default: every one from 200 to 299. Redirects are not followed.'),
    ca: caOption.optional(),
  }),
]);
export type HttpHookOptions = z.output<typeof httpHookOptions>;

function bodyProblem(value: Json): string | null {
  if (typeof value === 'string') return explainFields(value, HOOK_FIELDS);
  if (value === null || typeof value !== 'object') return null;
  for (const inner of Object.values(value)) {
    const problem = bodyProblem(inner as Json);
    if (problem !== null) return problem;
  }
  return null;
}
