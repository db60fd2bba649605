/** What operators do to groups. */
import { z } from 'zod';
import * as doc from '../documents.ts';
import { inGroup, MAX_FOR_S, ok, reason, route, size } from './route.ts';

const pauseBody = z.strictObject({
  for_s: z.int().min(1).max(MAX_FOR_S).nullable().default(7200).describe('Seconds; null: until resumed. Default 2 h.'),
  reason,
});

export const act = {
  pauseAll: route({
    method: 'POST',
    path: '/api/v1/pause',
    tag: 'act',
    access: 'operator',
    summary: 'Holds every group as it is: the big red button.',
    body: pauseBody,
    reply: ok(doc.pausedJson),
  }),
  resumeAll: route({
    method: 'POST',
    path: '/api/v1/resume',
    tag: 'act',
    access: 'operator',
    summary: 'Ends the pause of the whole installation. Groups that were paused on their own stay paused.',
    reply: ok(doc.doneJson),
  }),
  pause: route({
    method: 'POST',
    path: '/api/v1/groups/{group}/pause',
    tag: 'act',
    access: 'operator',
    summary: 'Holds a group as it is.',
    params: inGroup,
    body: pauseBody,
    reply: ok(doc.pausedJson),
  }),
  resume: route({
    method: 'POST',
    path: '/api/v1/groups/{group}/resume',
    tag: 'act',
    access: 'operator',
    summary: 'Ends the pause of a group.',
    params: inGroup,
    reply: ok(doc.doneJson),
  }),
  scale: route({
    method: 'POST',
    path: '/api/v1/groups/{group}/scale',
    tag: 'act',
    access: 'operator',
    summary: 'Asks for a size, a floor or a cap for a time.',
    params: inGroup,
    body: z.strictObject({
      kind: z.enum(['exact', 'floor', 'cap']).default('exact'),
      size: size.nullable().describe('Null ends the wish of this kind.'),
      for_s: z.int().min(1).max(MAX_FOR_S).nullable().default(3600).describe('Seconds; null: until ended. Default 1 h.'),
      reason,
    }),
    reply: ok(doc.manualsJson),
  }),
  approve: route({
    method: 'POST',
    path: '/api/v1/groups/{group}/approve',
    tag: 'act',
    access: 'operator',
    summary: 'Approves a change that is large enough to need a person.',
    params: inGroup,
    body: z.strictObject({ size, for_s: z.int().min(1).max(86_400).default(3600).describe('Seconds the approval holds. Default 1 h.') }),
    reply: ok(doc.doneJson),
  }),
  unfreeze: route({
    method: 'POST',
    path: '/api/v1/groups/{group}/unfreeze',
    tag: 'act',
    access: 'operator',
    summary: 'Lets a group go on that a failed check has frozen.',
    params: inGroup,
    reply: ok(doc.doneJson),
  }),
  removeGroup: route({
    method: 'POST',
    path: '/api/v1/groups/{group}/remove',
    tag: 'act',
    access: 'admin',
    summary: 'Removes a group that is no longer in the file.',
    params: inGroup,
    body: z.strictObject({
      drain: z.boolean().default(false).describe('Delete its machines first.'),
      confirm: z.string().max(200).nullable().default(null).describe('The name of the group, needed with `drain`.'),
    }),
    reply: ok(doc.doneJson),
  }),
};
