/** For foreign systems. */
import { z } from 'zod';
import * as doc from '../documents.ts';
import { name, ok, route } from './route.ts';

export const world = {
  healthz: route({ method: 'GET', path: '/healthz', tag: 'world', access: 'open', summary: 'The process is alive.', reply: ok(doc.healthJson) }),
  readyz: route({
    method: 'GET',
    path: '/readyz',
    tag: 'world',
    access: 'open',
    summary: 'Ready to work (200), or what is not (503).',
    reply: ok(doc.readyJson),
  }),
  metrics: route({
    method: 'GET',
    path: '/metrics',
    tag: 'world',
    access: 'scrape',
    summary: 'Metrics in the text format of Prometheus.',
    reply: { status: 200, schema: null, type: 'text/plain' },
  }),
  sd: route({
    method: 'GET',
    path: '/sd',
    tag: 'world',
    access: 'scrape',
    summary:
      'Instances for http_sd of Prometheus; always the whole list. They carry the labels of their cloud’s own discovery too (`__meta_linode_…`), whose age in seconds is in the header Age.',
    query: z.strictObject({
      group: name.optional().describe('Instances of this group only.'),
      cloud: name.optional().describe('Every machine that the credentials of this cloud see, foreign ones included, as its own discovery would list them.'),
    }),
    reply: ok(doc.sdJson),
  }),
  hook: route({
    method: 'POST',
    path: '/hooks/{receiver}',
    tag: 'world',
    access: 'receiver',
    summary: 'Alerts of a foreign system, in the format of the receiver. 202 with an effect, 200 without.',
    params: z.strictObject({ receiver: name }),
    reply: { status: 202, schema: doc.receivedJson },
  }),
};
