import type { JsonObject } from '../../core/model/model.ts';
import type { Actor } from '../../engine/operations.ts';
import type { TokenRow } from '../../ports/ports.ts';
import type { ConfigPlan, ConfigProblem } from '../config-operations.ts';
import { ApiProblem } from '../problem.ts';
import { createToken } from '../tokens.ts';
import { isoTime, isoTimeOrNull, jsonView, tokenView } from '../view.ts';
import { done, type HandlerDeps, type Handlers } from './handlers.ts';

type Administering =
  | 'config'
  | 'validateConfig'
  | 'planConfig'
  | 'applyConfig'
  | 'tokens'
  | 'createToken'
  | 'revokeToken'
  | 'backup'
  | 'verifyAudit'
  | 'healthz';

/** Live tokens at most; more are a script gone wrong. */
const MAX_TOKENS = 1000;

function problemView({ endColumn, suggestion, code, severity, message, file, line, column, label, help }: ConfigProblem) {
  return { code, severity, message, file, line, column, end_column: endColumn, label, help, suggestion: suggestion ?? null };
}

function hasErrors(problems: readonly ConfigProblem[]): boolean {
  return problems.some((p) => p.severity === 'error');
}

function planView(plan: ConfigPlan) {
  return {
    running: plan.running,
    next: plan.next,
    valid: !hasErrors(plan.problems),
    problems: plan.problems.map(problemView),
    changes: plan.changes.map((c) => ({ kind: c.kind, group: c.group, key: c.key, before: jsonView(c.before), after: jsonView(c.after), text: c.text })),
    effects: plan.effects.map((e) => ({ group: e.group, launches: e.launches, removals: e.removals, text: e.text })),
    confirm: [...plan.confirm],
  };
}

function notApplied(plan: ConfigPlan, confirmed: readonly string[]): ApiProblem {
  if (hasErrors(plan.problems)) {
    return new ApiProblem(422, 'config-invalid', 'The configuration has mistakes. Nothing was changed.', {}, { problems: plan.problems.map(problemView) });
  }
  const missing = plan.confirm.filter((name) => !confirmed.includes(name));
  return new ApiProblem(
    409,
    'unconfirmed',
    `This deletes running instances of ${missing.join(', ')}: send the names in "confirm". Nothing was changed.`,
    {},
    { confirm: missing },
  );
}

export function adminHandlers(deps: HandlerDeps): Handlers<Administering> {
  const { operations, config } = deps;
  return {
    config: async () => {
      const it = await config.running();
      return { schema: 'drover.config/v1', hash: it.hash, file: it.file, text: it.text, loaded: isoTimeOrNull(it.loadedMs), error: it.error };
    },
    validateConfig: async ({ text }) => {
      const problems = await config.validate(text);
      return { schema: 'drover.config-check/v1', valid: !hasErrors(problems), problems: problems.map(problemView) };
    },
    planConfig: async ({ text }) => ({ schema: 'drover.config-plan/v1', ...planView(await config.plan(text)) }),
    applyConfig: async ({ text, confirm }, { actor }) => {
      const { applied, plan } = await config.apply(text, actor, confirm);
      if (!applied) throw notApplied(plan, confirm);
      return { schema: 'drover.config-applied/v1', applied: true, ...planView(plan) };
    },
    ...tokenHandlers(deps),
    backup: async ({ name }) => {
      const file = `${deps.backupDir}/${name ?? `drover-${isoTime(deps.clock.wall()).replace(/[-:]/g, '').replace('.', '-')}.db`}`;
      await operations.backup(file);
      return { schema: 'drover.backup/v1', file };
    },
    verifyAudit: async () => {
      const { firstBad, checked } = await operations.verifyEvents();
      return { schema: 'drover.audit/v1', ok: firstBad === null, checked, first_bad: firstBad };
    },
    healthz: async () => ({ schema: 'drover.health/v1', alive: true }),
  };
}

function tokenHandlers({ store, secrets, clock, book }: HandlerDeps): Handlers<'tokens' | 'createToken' | 'revokeToken'> {
  const write = async (actor: Actor, token: TokenRow, type: string) => {
    const data: JsonObject = { id: token.id, name: token.name, role: token.role };
    await store.control([{ kind: 'token', token }], [{ atMs: clock.wall(), group: null, type, actor: actor.name, data }]);
    book.refresh();
  };
  return {
    tokens: async () => ({ schema: 'drover.tokens/v1', tokens: (await store.tokens()).map(tokenView) }),
    createToken: async ({ name, role }, { actor }) => {
      const live = (await store.tokens()).filter((t) => t.revokedAtMs === null);
      if (live.length >= MAX_TOKENS) throw new ApiProblem(409, 'too-many-tokens', `There are ${MAX_TOKENS} live tokens; revoke some.`);
      // Two receiver tokens of one name may live side by side, so that a sender's can be changed without a gap.
      if (role !== 'receiver' && live.some((t) => t.name === name)) throw new ApiProblem(409, 'conflict', `There is a live token named ${name}.`);
      const { value, row } = createToken(secrets, name, role, clock.wall());
      await write(actor, row, 'token.created');
      return { schema: 'drover.token/v1', ...tokenView(row), token: value };
    },
    revokeToken: async ({ token: id }, { actor }) => {
      const tokens = await store.tokens();
      const token = tokens.find((t) => t.id === id);
      if (token === undefined) throw new ApiProblem(404, 'no-such-token', 'There is no such token.');
      if (token.revokedAtMs !== null) return done;
      const admins = tokens.filter((t) => t.role === 'admin' && t.revokedAtMs === null);
      if (token.role === 'admin' && admins.length === 1) {
        throw new ApiProblem(409, 'refused', 'This is the last admin token; create another one first.');
      }
      await write(actor, { ...token, revokedAtMs: clock.wall() }, 'token.revoked');
      return done;
    },
  };
}
