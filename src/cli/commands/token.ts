import { usageError } from '../cli-error.ts';
import { confirmYes } from '../confirm.ts';
import type { Run } from '../context.ts';
import { EXIT } from '../exit-codes.ts';

const ROLES = ['admin', 'operator', 'viewer', 'receiver'] as const;

export const list: Run = async (ctx) => {
  const answer = await (await ctx.client()).tokens();
  if (ctx.globals.json) ctx.document(answer);
  else {
    ctx.table(
      [{ title: 'ID' }, { title: 'NAME' }, { title: 'ROLE' }, { title: 'CREATED' }, { title: 'REVOKED' }],
      answer.tokens.map((t) => [t.id, t.name, t.role, ctx.time(t.created), ctx.time(t.revoked)]),
    );
  }
  return EXIT.ok;
};

export const create: Run = async (ctx, input) => {
  const asked = input.text('role') ?? 'viewer';
  const role = ROLES.find((r) => r === asked);
  if (role === undefined) throw usageError(`--role is ${ROLES.join(', ')}, not \`${asked}\``);
  const answer = await (await ctx.client()).createToken({ name: input.need(0), role });
  if (ctx.globals.json) ctx.document(answer);
  else {
    // The value alone on stdout: `drover token create ci > token` keeps it and nothing else.
    ctx.line(answer.token);
    ctx.note(`This is ${answer.name}, role ${answer.role}, id ${answer.id}. It is shown this once; only its hash is kept.`);
  }
  return EXIT.ok;
};

export const revoke: Run = async (ctx, input) => {
  const token = input.need(0);
  await confirmYes(ctx, `Whoever uses the token ${token} loses access at once. Revoke it`);
  const answer = await (await ctx.client()).revokeToken({ token });
  if (ctx.globals.json) ctx.document({ ...answer, id: token });
  else ctx.line(`${token} is revoked.`);
  return EXIT.ok;
};
