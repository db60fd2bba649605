/** Whatever goes wrong at the API, the group ends at its size: nothing doubled, nothing orphaned. The whole controller, over an emulated account. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { until } from '../../../../test/support/daemon.ts';
import { type LinodeAccount, openSharedAccount, TOKENS } from '../../../../test/support/linode-account.ts';
import { type Controller, startController } from '../../../app/controller.ts';
import type { FaultInput } from '../../../emulators/api/faults.ts';
import type { Crash } from '../../../ports/ports.ts';

const CREATES = { method: 'POST', path: '/linode/instances' } as const;
const SIZE = 2;

interface Bench {
  readonly world: LinodeAccount;
  start(crash?: Crash): Promise<Controller>;
  /** Ends right: so many living machines as rows, each in one row, and everything else deleted. */
  settles(c: Controller): Promise<void>;
}

async function withBench(run: (bench: Bench) => Promise<void>): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'drover-linode-faults-'));
  const world = await openSharedAccount();
  const running: Controller[] = [];
  writeFileSync(join(dir, 'token'), TOKENS.FULL.token, { mode: 0o600 });
  writeFileSync(
    join(dir, 'drover.yaml'),
    `version: 1
server: { listen: '127.0.0.1:0', state: ./state }
clouds:
  akamai: { type: linode, token: { file: ./token }, url: '${world.url}', timeout: 2s, consistency: 1s }
groups:
  web:
    cloud: akamai
    template: { region: eu-central, type: g6-nanode-1, image: linode/debian12 }
    health: none
    lifecycle: { warmup: 0s, boot_timeout: 3s }
    limits: { destruction: { all: 'max(10, 100%)' } }
    evaluate_every: 1s
    min: ${SIZE}
    max: 4
`,
  );
  const living = async () => (await world.api<{ data: { id: number; tags: string[] }[] }>('GET', '/linode/instances')).data;
  const bench: Bench = {
    world,
    start: async (crash) => {
      const c = await startController({
        configFile: join(dir, 'drover.yaml'),
        log: { level: 'error', format: 'json', write: () => {} },
        ...(crash ? { crash } : {}),
      });
      running.push(c);
      return c;
    },
    settles: async (c) => {
      await until('it serves', async () => (await c.operations.group('web')).serving === SIZE, 60_000);
      // Orphans and second machines are deleted when nothing speaks for them any more.
      await until('no machine is left over', async () => (await living()).length === SIZE, 60_000, 500);
      const rows = await c.operations.instances('web', false);
      expect(new Set(rows.map((row) => row.machineId))).toEqual(new Set((await living()).map((each) => String(each.id))));
      const tokens = (await living()).flatMap((each) => each.tags.filter((tag) => tag.startsWith('drover:token=')));
      expect(new Set(tokens).size).toBe(SIZE);
      const { machines } = world.ledger();
      expect(machines.filter((m) => m.deleted_ms === null)).toHaveLength(SIZE);
    },
  };
  try {
    await run(bench);
  } finally {
    for (const c of running) await c.stop().catch(() => {});
    await world.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

const FAULTS: readonly (readonly [string, readonly FaultInput[]])[] = [
  ['5xx after the machine was made', [{ kind: 'error_after', ...CREATES, count: 2 }]],
  ['answers that are lost', [{ kind: 'lost_answer', ...CREATES, count: 2 }]],
  ['5xx before anything happened', [{ kind: 'error', ...CREATES, count: 3 }]],
  ['HTML of the edge', [{ kind: 'error', ...CREATES, count: 2, status: 400, body: 'html' }]],
  ['throttling without a word of how long', [{ kind: 'throttle', method: '*', path: '/linode/**', count: 2, retry_after_s: null }]],
  ['throttling for two seconds', [{ kind: 'throttle', ...CREATES, count: 2, retry_after_s: 2 }]],
  ['a quota that is raised', [{ kind: 'quota', ...CREATES, count: 2 }]],
  ['no capacity for a while', [{ kind: 'no_capacity', ...CREATES, count: 2 }]],
  ['a token refused for a while', [{ kind: 'unauthorized', ...CREATES, count: 2 }]],
  ['lists that are behind', [{ kind: 'stale', method: 'GET', path: '/linode/instances', age_s: 2, count: 10 }]],
  ['slow answers', [{ kind: 'delay', ...CREATES, ms: 3_000, count: 2 }]],
  [
    'a create whose answer is lost, and lists that are behind',
    [
      { kind: 'lost_answer', ...CREATES, count: 2 },
      { kind: 'stale', method: 'GET', path: '/linode/instances', age_s: 3, count: 6 },
    ],
  ],
];

describe.concurrent('a group ends right after', () => {
  it.each(FAULTS)(
    '%s',
    (_, faults) =>
      withBench(async ({ world, start, settles }) => {
        for (const fault of faults) await world.fault(fault);
        await settles(await start());
      }),
    180_000,
  );

  it(
    'a 5xx after the machine was made, then a crash: after the restart it is taken up',
    () =>
      withBench(async ({ world, start, settles }) => {
        await world.fault({ kind: 'error_after', ...CREATES, count: 2 });
        let down = false;
        const first = await start((label) => {
          if (label === 'create:after-call') down = true;
          // From here on nothing more is written: the answers were never heard.
          if (down && (label === 'store:before-commit' || label === 'create:after-call')) throw new Error('crashed');
        });
        await until('the crash', async () => down);
        await until('both machines', async () => (await world.api<{ results: number }>('GET', '/linode/instances')).results === SIZE);
        await first.stop().catch(() => {});
        const second = await start();
        await settles(second);
        expect(world.ledger().machines).toHaveLength(SIZE);
      }),
    180_000,
  );

  it(
    'a Linode that is busy when it should be deleted',
    () =>
      withBench(async ({ world, start, settles }) => {
        const c = await start();
        await settles(c);
        await world.fault({ kind: 'busy', method: 'DELETE', count: 3 });
        const [victim] = await c.operations.instances('web', false);
        await c.operations.replace({ name: 'ops', role: 'operator' }, victim?.id ?? '', null);
        await until('it is gone', async () => (await c.operations.instance(victim?.id ?? '')).state === 'gone', 90_000);
        await settles(c);
      }),
    180_000,
  );

  it(
    'machines that never come up',
    () =>
      withBench(async ({ world, start, settles }) => {
        await fetch(`${world.controlUrl}/boot-faults`, { method: 'POST', body: JSON.stringify({ count: 1, slower: null, stuck_in: 'booting', mute: false }) });
        const c = await start();
        await settles(c);
        expect(world.ledger().machines.length).toBe(SIZE + 1);
      }),
    180_000,
  );
});
