import type { Run } from '../context.ts';
import { EXIT } from '../exit-codes.ts';

export const verify: Run = async (ctx) => {
  const answer = await (await ctx.client()).verifyAudit();
  if (ctx.globals.json) ctx.document(answer);
  else if (answer.ok) ctx.line(`The chain of ${answer.checked} event${answer.checked === 1 ? '' : 's'} holds.`);
  else ctx.line(`The chain breaks at event ${answer.first_bad}: it was changed after it was written. ${answer.checked} were checked.`);
  return answer.ok ? EXIT.ok : EXIT.problem;
};
