/** The configuration file. */
import { z } from 'zod';
import * as doc from '../documents.ts';
import { configText, name, ok, route } from './route.ts';

export const config = {
  config: route({
    method: 'GET',
    path: '/api/v1/config',
    tag: 'config',
    access: 'operator',
    summary: 'The configuration that runs.',
    reply: ok(doc.configJson),
  }),
  validateConfig: route({
    method: 'POST',
    path: '/api/v1/config/validate',
    tag: 'config',
    access: 'operator',
    summary: 'Checks a configuration. Changes nothing.',
    body: z.strictObject({ text: configText }),
    reply: ok(doc.configCheckJson),
  }),
  planConfig: route({
    method: 'POST',
    path: '/api/v1/config/plan',
    tag: 'config',
    access: 'operator',
    summary: 'What applying a configuration would change now. Changes nothing.',
    body: z.strictObject({ text: configText }),
    reply: ok(doc.configPlanJson),
  }),
  applyConfig: route({
    method: 'POST',
    path: '/api/v1/config/apply',
    tag: 'config',
    access: 'admin',
    summary: 'Validates, plans, writes the file and reloads; all or nothing.',
    body: z.strictObject({
      text: configText,
      confirm: z.array(name).max(1000).default([]).describe('Names of the groups whose instances may be deleted by it.'),
    }),
    reply: ok(doc.configAppliedJson),
  }),
};
