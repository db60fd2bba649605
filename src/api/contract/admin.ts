/** Tokens, backups, the audit trail. */
import { z } from 'zod';
import * as doc from '../documents.ts';
import { name, ok, route } from './route.ts';

export const TOKEN_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

export const admin = {
  tokens: route({ method: 'GET', path: '/api/v1/tokens', tag: 'admin', access: 'admin', summary: 'Tokens, without their values.', reply: ok(doc.tokensJson) }),
  createToken: route({
    method: 'POST',
    path: '/api/v1/tokens',
    tag: 'admin',
    access: 'admin',
    summary: 'Makes a token. Its value is in this answer and nowhere else.',
    body: z.strictObject({
      name: z.string().regex(TOKEN_NAME, 'letters, digits, `.`, `_` and `-`, at most 63').describe('Who will use it; for the role receiver: the receiver.'),
      role: z.enum(['admin', 'operator', 'viewer', 'receiver']),
    }),
    reply: { status: 201, schema: doc.newTokenJson },
  }),
  revokeToken: route({
    method: 'DELETE',
    path: '/api/v1/tokens/{token}',
    tag: 'admin',
    access: 'admin',
    summary: 'Revokes a token for good.',
    params: z.strictObject({ token: name.describe('Id of the token.') }),
    reply: ok(doc.doneJson),
  }),
  backup: route({
    method: 'POST',
    path: '/api/v1/backup',
    tag: 'admin',
    access: 'admin',
    summary: 'Writes a consistent copy of the store into the backup directory of the controller.',
    body: z.strictObject({
      name: z
        .string()
        .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,100}$/, 'a plain file name of letters, digits, `.`, `_` and `-`')
        .nullable()
        .default(null)
        .describe('File name; null: `drover-<time>.db`.'),
    }),
    reply: { status: 201, schema: doc.backupJson },
  }),
  verifyAudit: route({
    method: 'POST',
    path: '/api/v1/audit/verify',
    tag: 'admin',
    access: 'operator',
    summary: 'Walks the hash chain of the events.',
    reply: ok(doc.auditJson),
  }),
};
