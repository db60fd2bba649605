import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Role } from '../../src/api/contract.ts';
import { bearer, call, documentedRoutes, freshAddress, openBench } from './support.ts';

/**
 * What each line of the role table in docs/explanation/security.md lets a role do, as operations of the document. Judged by a person: a new
 * route has to be put here, and whoever does so reads the table. There are no tenants yet (ruling 4), so the row's other half, another tenant's id, has no
 * surface; what a receiver's token may see of other receivers is S11.
 */
const JUDGED = {
  viewer: {
    words: ['read: groups, decisions, events, instances', 'ask without effect (`eval`, `victims`, `metrics test`)'],
    routes: [
      ...['fleet', 'groups', 'group', 'spec', 'decisions', 'decision', 'replay', 'whyDecision', 'why', 'events', 'stream', 'alerts'],
      ...['evaluate', 'victims', 'metric', 'version', 'instances', 'instance', 'unmanaged', 'openapi'],
    ],
  },
  operator: {
    words: ['also act: pause, scale, approve, drain, protect', 'validate and plan configurations'],
    routes: [
      ...['pauseAll', 'resumeAll', 'pause', 'resume', 'scale', 'approve', 'unfreeze', 'drain', 'protect', 'standby', 'replace', 'forget', 'adopt'],
      ...['config', 'validateConfig', 'planConfig', 'verifyAudit'],
    ],
  },
  admin: {
    words: ['also apply configurations, remove groups, make tokens and backups'],
    routes: ['applyConfig', 'removeGroup', 'tokens', 'createToken', 'revokeToken', 'backup'],
  },
} as const satisfies Record<Role, { readonly words: readonly string[]; readonly routes: readonly string[] }>;
const RANK: Readonly<Record<Role, number>> = { viewer: 1, operator: 2, admin: 3 };

const guarded = documentedRoutes.filter((r) => r.access === 'viewer' || r.access === 'operator' || r.access === 'admin');

describe('S2 every role × every route', () => {
  it('the contract gives each role what the table of the documentation says, and nothing else', () => {
    for (const role of Object.keys(JUDGED) as Role[]) {
      expect(
        guarded
          .filter((r) => r.access === role)
          .map((r) => r.name)
          .sort(),
        role,
      ).toEqual([...JUDGED[role].routes].sort());
    }
  });

  it('the table says it in these words', () => {
    const page = readFileSync(new URL('../../docs/explanation/security.md', import.meta.url), 'utf8');
    for (const role of Object.keys(JUDGED) as Role[]) {
      const line = page.split('\n').find((l) => l.startsWith(`| \`${role}\``));
      for (const words of JUDGED[role].words) expect(line, role).toContain(words);
    }
    expect(page).toMatch(/\| `receiver` \| deliver alerts to the one receiver that has its name, and nothing else/);
  });

  it.each(guarded.filter((r) => r.name !== 'stream').map((r) => [`${r.method} ${r.path}`, r] as const))('%s', async (_, route) => {
    for (const role of ['viewer', 'operator', 'admin', 'receiver'] as const) {
      const { app, token, state } = await openBench();
      const before = JSON.stringify([...state.groups, ...state.instances, ...state.tokens]);
      const reply = await call(app, route, bearer(token[role]));
      const needed = (Object.keys(JUDGED) as Role[]).find((r) => (JUDGED[r].routes as readonly string[]).includes(route.name)) ?? 'admin';
      if (role === 'receiver' || RANK[role] < RANK[needed]) {
        expect([reply.statusCode, reply.json().code], role).toEqual([403, 'forbidden']);
        expect(state.calls).toEqual([]);
        expect(JSON.stringify([...state.groups, ...state.instances, ...state.tokens])).toBe(before);
      } else {
        // 404 and 409: the fake has no token of that id, nothing frozen, and web is still in its file.
        const expected: Readonly<Record<string, number>> = { unfreeze: 409, removeGroup: 409, revokeToken: 404, createToken: 201, backup: 201 };
        expect(reply.statusCode, `${role}: ${reply.body}`).toBe(expected[route.name] ?? 200);
      }
    }
  });

  it('a refused role learns nothing of what exists: the answers are the same, body and headers', async () => {
    const { app, token } = await openBench();
    for (const path of ['/api/v1/groups/{}/pause', '/api/v1/instances/{}/drain', '/api/v1/groups/{}/remove']) {
      const ask = async (name: string) => {
        const reply = await app.inject({
          method: 'POST',
          url: path.replace('{}', name),
          headers: bearer(token.viewer),
          payload: {},
          remoteAddress: freshAddress(),
        });
        const { request_id: _, ...body } = reply.json();
        const { 'x-request-id': __, date: ___, ...headers } = reply.headers;
        return { status: reply.statusCode, body, headers };
      };
      expect(await ask(path.includes('instances') ? 'web-1' : 'web')).toEqual(await ask('nowhere'));
    }
  });
});
