import { z } from 'zod';
import { jsonPointer } from '../../../kit/json-pointer.ts';

const statusValue = z.union([z.string().max(200), z.number(), z.boolean(), z.null()]);

/** Pointers are read inside one alert. */
export const genericOptions = z.strictObject({
  alerts: jsonPointer
    .describe('Where the list of alerts stands in the body; "" when the body itself is the list. Leave it out when the body is one alert.')
    .optional(),
  name: z
    .union([jsonPointer, z.strictObject({ value: z.string().min(1).max(200).describe('A fixed name, for senders that do not name their alerts.') })])
    .describe('Where the name of the alert stands (JSON pointer inside one alert), or { value: NAME }.'),
  status: z
    .strictObject({
      at: jsonPointer.describe('Where the state of the alert stands.'),
      firing: z.array(statusValue).min(1).max(50).describe('Values that mean: it fires, e.g. [Triggered, Re-Triggered].'),
      resolved: z.array(statusValue).max(50).default([]).describe('Values that mean: it is over, e.g. [Recovered]. Default: none.'),
    })
    .describe(
      'How the state is told; an alert with any other value has no effect. Leave it out for senders that only tell of new alerts: each message then fires.',
    )
    .optional(),
  fingerprint: jsonPointer
    .describe('Where something stands that is the same for this alert each time it is told (Datadog: $ALERT_CYCLE_KEY). Default: made from name and labels.')
    .optional(),
  starts_at: jsonPointer
    .describe(
      'Where the start stands: RFC 3339, Unix seconds or Unix ms. It must be the same in repeats and at the end. Default: unknown; a resolved alert then ends whatever this alert has open.',
    )
    .optional(),
  labels: z
    .record(z.string().min(1).max(200), jsonPointer)
    .refine((labels) => Object.keys(labels).length <= 64, 'at most 64 labels')
    .describe('Labels and where their values stand, e.g. { service: /tags/service }. A label whose value is not there is left out. Default: none.')
    .default({}),
});
export type GenericOptions = z.output<typeof genericOptions>;
