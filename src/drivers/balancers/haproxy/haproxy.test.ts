import { describe, expect, it } from 'vitest';
import { realPorts } from '../../../../test/support/ports.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Sockets } from '../../../ports/sockets.ts';
import { manifest } from './driver.ts';
import { canonicalIp, chooseSlot, findByAddress, findByRef, layoutOf, sameAddress, slotRef } from './layout.ts';
import { checkPassed, parseServers, type Server, toMember } from './servers.ts';
import { distrust } from './state-file.ts';

const server = (name: string, over: Partial<Server> = {}): Server => ({
  name,
  address: '127.0.0.1',
  port: 1,
  maint: true,
  drain: false,
  configDisabled: true,
  resolved: false,
  up: false,
  checkConfigured: true,
  checkInProgress: false,
  weight: 100,
  initialWeight: 100,
  status: 'MAINT',
  checkStatus: '',
  lastCheck: '',
  sessions: 0,
  idle: 0,
  ...over,
});
const used = (name: string, port: number, over: Partial<Server> = {}) =>
  server(name, { port, maint: false, up: true, status: 'UP', checkStatus: 'L7OK', ...over });
const fixed = (name: string) => used(name, 80, { configDisabled: false });
const options = (over: object = {}) => manifest.options.parse({ socket: '/run/haproxy.sock', backend: 'web', ...over });

describe('layout', () => {
  it('finds the slots of a disabled server-template, and leaves servers of others alone', () => {
    const servers = [fixed('app0'), fixed('legacy1'), used('app1', 8080), server('app2'), server('app3', { port: 8081 })];
    const layout = layoutOf(servers, options());
    expect(layout.mode).toBe('slots');
    expect([...layout.slots.keys()]).toEqual(['app1', 'app2', 'app3']);
    expect(layout.members.map((s) => s.name)).toEqual(['app1', 'app3']);
  });

  it('takes a named prefix at its word, and dynamic servers by theirs', () => {
    const servers = [
      used('app1', 8080, { configDisabled: false }),
      server('app12', { configDisabled: false }),
      used('apple1', 80),
      used('drover-web-1', 8081),
      fixed('x'),
    ];
    const layout = layoutOf(servers, options({ slots: 'app' }));
    expect([...layout.slots.keys()]).toEqual(['app1', 'app12']);
    expect(layout.members.map((s) => s.name)).toEqual(['app1', 'drover-web-1']);
    expect(layoutOf(servers, options({ mode: 'dynamic' })).members.map((s) => s.name)).toEqual(['drover-web-1']);
    expect(layoutOf(servers, options({ mode: 'dynamic', prefix: 'app' })).members.map((s) => s.name)).toEqual(['app1', 'app12', 'apple1']);
  });

  it('is dynamic without slots, and for a spare server that somebody switched off', () => {
    expect(layoutOf([], options()).mode).toBe('dynamic');
    const spares = [server('spare1', { address: '10.0.0.9', port: 80 }), server('spare2', { address: '10.0.0.10', port: 80 })];
    expect(layoutOf(spares, options())).toMatchObject({ mode: 'dynamic', members: [] });
    expect(layoutOf([used('spare1', 80)], options())).toMatchObject({ mode: 'dynamic', members: [] });
  });

  it('knows slots that are all in use, and remembers them when that cannot be seen', () => {
    const full = [used('app1', 8080), used('app2', 8081)];
    expect(layoutOf(full, options())).toMatchObject({ mode: 'slots', prefix: 'app' });
    const allJoining = full.map((s) => ({ ...s, maint: true }));
    expect(layoutOf(allJoining, options()).mode).toBe('dynamic');
    expect(layoutOf(allJoining, options(), 'app')).toMatchObject({ mode: 'slots', prefix: 'app' });
  });

  it('does not guess between two templates', () => {
    expect(() => layoutOf([server('app1'), server('web1')], options())).toThrow(/several server-templates \(`app`, `web`\)/);
    expect(layoutOf([server('app1'), server('web1')], options({ slots: 'web' })).slots.size).toBe(1);
  });

  it('takes a free slot only when nothing of its previous member is left in it', () => {
    const choose = (servers: Server[], taken: string[] = []) => {
      const { slot, busy } = chooseSlot(layoutOf(servers, options({ slots: 'app' })), new Set(taken));
      return slot?.name ?? busy;
    };
    expect(choose([used('app1', 80), server('app2'), server('app3')])).toBe('app2');
    expect(choose([server('app1'), server('app2')], ['app1'])).toBe('app2');
    expect(choose([server('app1', { sessions: 1 }), server('app2', { idle: 1 }), server('app3', { checkInProgress: true })])).toBe(true);
    expect(choose([used('app1', 80)])).toBe(false);
    // Left behind in maintenance: only when there is no empty one.
    expect(choose([server('app1', { port: 8080 }), server('app2')])).toBe('app2');
    expect(choose([server('app1', { port: 8080 }), used('app2', 81)])).toBe('app1');
    expect(choose([server('app1', { port: 8080, sessions: 3 }), used('app2', 81)])).toBe(true);
  });

  it('names a slot’s member with its address, so that the slot’s next member has another name', () => {
    const layout = layoutOf([used('app1', 8080), server('app2')], options());
    expect(slotRef(used('app1', 8080))).toBe('app1@127.0.0.1:8080');
    expect(slotRef(used('app1', 80, { address: 'fd00::1' }))).toBe('app1@[fd00::1]:80');
    expect(findByRef(layout, 'app1@127.0.0.1:8080')?.name).toBe('app1');
    for (const ref of ['app1', 'app1@127.0.0.1:8081', 'app2@127.0.0.1:1', '']) expect(findByRef(layout, ref)).toBeNull();
    expect(findByAddress(layout, '127.0.0.1', 1)).toBeNull();
  });

  it('compares addresses, not their spelling', () => {
    expect(sameAddress('fd00:0:0::1', 'fd00::1')).toBe(true);
    expect(sameAddress('10.0.0.1', '10.0.0.10')).toBe(false);
    for (const no of ['web.example', '10.0.0', '10.0.0.256', '-', '', 'fd00::1]:80/', '127.1']) expect(canonicalIp(no)).toBeNull();
  });
});

const STATE_COLUMNS =
  'be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port';
const state = (...rows: string[]) => `1\n# ${STATE_COLUMNS}\n${rows.join('\n')}`;
const stat = (...rows: string[]) => `# pxname,svname,qcur,scur,status,check_status,last_chk,idle_conn_cur,used_conn_cur,\n${rows.join('\n')}`;

describe('servers', () => {
  // admin, op, status → state, health: as seen on 2.6.
  it.each([
    [0, 2, 'UP', 'L7OK', 'ready', 'up'],
    [4, 2, 'UP', 'L7OK', 'ready', 'up'], // once `disabled` in the configuration, serving now
    [5, 0, 'MAINT', '', 'out', 'unknown'],
    [1, 0, 'MAINT', '', 'out', 'unknown'],
    [0x20, 0, 'MAINT (resolution)', '', 'out', 'unknown'],
    [12, 2, 'DRAIN', 'L7OK', 'draining', 'up'],
    [8, 0, 'DOWN', 'L4CON', 'draining', 'down'],
    [0, 0, 'DOWN 1/2', 'L4CON', 'ready', 'down'],
    [0, 2, 'UP 1/3', '* L7OK', 'ready', 'up'],
    [0, 2, 'UP 1/3', 'INI', 'ready', 'unknown'],
    [4, 2, 'no check', '', 'ready', 'unknown'],
  ])('admin state %d, operational %d, %s, %s is %s and %s', (admin, operational, status, check, expected, health) => {
    const [one] = parseServers(
      'web',
      state(`3 web 2 app1 10.0.0.5 ${operational} ${admin} 7 100 9 15 3 2 6 0 0 0 - 8080`),
      stat(`web,app1,1,2,${status},${check},,0,3,`),
    );
    expect(one && toMember(one, 'ref', false)).toEqual({ ref: 'ref', address: '10.0.0.5', port: 8080, state: expected, health, sessions: 4 });
  });

  it('calls what this process brings in joining', () => {
    expect(toMember(used('app1', 80, { drain: true, status: 'DRAIN' }), 'r', true).state).toBe('joining');
  });

  it('takes only a whole, fresh pass for a pass', () => {
    const drained = used('app1', 80, { drain: true, status: 'DRAIN' });
    expect(checkPassed(drained)).toBe(true);
    for (const over of [
      { status: 'DRAIN 1/2' }, // restored from a state file, or on its way
      { up: false, status: 'DOWN' },
      { checkStatus: 'INI' },
      { checkStatus: 'L4CON' },
      { checkStatus: 'L7OKC' }, // asks to be stopped
      { checkStatus: '' },
      { maint: true },
      { drain: false },
    ])
      expect(checkPassed({ ...drained, ...over })).toBe(false);
  });

  it('leaves other backends out and refuses what is not whole', () => {
    const row = '3 web 2 app1 10.0.0.5 2 0 1 1 9 15 3 2 6 0 0 0 - 8080';
    expect(parseServers('web', state(row, row.replace(' web ', ' api ')), stat('web,app1,0,0,UP,L7OK,,0,0,')).map((s) => s.name)).toEqual(['app1']);
    expect(() => parseServers('web', state(row.slice(0, 30)), stat())).toThrow(/cut off/);
    expect(() => parseServers('web', state(row), stat('web,app1,0'))).toThrow(/cut off/);
    expect(() => parseServers('web', state(row.replace(' 2 0 1 ', ' 2 x 1 ')), stat())).toThrow(/no such number in srv_admin_state/);
    expect(() => parseServers('web', "Can't find backend.", stat())).toThrow(/no such backend/);
    expect(() => parseServers('web', state(row), 'No such proxy.')).toThrow(/no such backend/);
  });
});

describe('state file', () => {
  it('saves servers that have not proved themselves as in maintenance, and nothing else differently', () => {
    const proved = '3 web 1 app1 10.0.0.5 2 4 1 1 9 15 3 2 6 0 0 0 - 8080';
    const joining = '3 web 2 app2 10.0.0.6 2 12 1 1 9 15 3 2 6 0 0 0 - 8080';
    const other = '4 api 2 app2 10.0.0.6 2 12 1 1 9 15 3 2 6 0 0 0 - 8080';
    const dump = `${state(proved, joining, other)}\n`;
    expect(distrust(dump, 'web', new Set(['app2']))).toBe(`${state(proved, joining.replace(' 2 12 ', ' 0 5 '), other)}\n`);
    expect(distrust(dump, 'web', new Set())).toBe(dump);
  });
});

describe('two members at once', () => {
  it('never share a slot, whatever the order of replies', async () => {
    // A HAProxy of three slots without checks, whose every answer takes its time.
    const ports = new Map([
      ['app1', 1],
      ['app2', 1],
      ['app3', 1],
    ]);
    const ready = new Set<string>();
    const clock: Clock = { wall: () => 0, mono: () => 0, sleep: async () => {}, after: () => () => {} };
    const sockets: Sockets = {
      canConnect: async () => true,
      exchange: async (_target, line) => {
        await new Promise((go) => setImmediate(go));
        const address = /web\/(\w+) addr 10\.0\.0\.1 port (\d+)/.exec(line);
        if (address) ports.set(address[1] ?? '', Number(address[2]));
        const state_ = /web\/(\w+) state ready/.exec(line);
        if (state_) ready.add(state_[1] ?? '');
        if (!line.startsWith('show')) return address ? 'port changed from x to y\n\n' : '\n';
        const rows = [...ports].map(([name, port], i) => {
          const on = ready.has(name);
          return `3 web ${i} ${name} ${port === 1 ? '127.0.0.1' : '10.0.0.1'} ${on ? 2 : 0} ${on ? 4 : 5} 1 1 0 0 0 0 ${on ? 0 : 8} 0 0 0 - ${port}`;
        });
        return `${state(...rows)}\n\n\n${stat(...[...ports.keys()].map((name) => `web,${name},0,0,no check,,,0,0,`))}\n\n`;
      },
    };
    const balancer = await manifest.open(options(), realPorts({ clock, sockets }));
    const attach = (port: number) => balancer.attach({ instance: `web-${port}`, address: '10.0.0.1', port, weight: null }, AbortSignal.timeout(5000));
    const refs = await Promise.all([attach(8001), attach(8002), attach(8003)]);
    expect(refs).toEqual(['app1@10.0.0.1:8001', 'app2@10.0.0.1:8002', 'app3@10.0.0.1:8003']);
    expect(await Promise.all([attach(8002), attach(8002)])).toEqual([refs[1], refs[1]]);
    await expect(attach(8004)).rejects.toMatchObject({ code: 'no-capacity' });
  });
});

describe('options', () => {
  it('fills in defaults', () => {
    expect(options()).toMatchObject({
      mode: 'auto',
      check: true,
      placeholder: '127.0.0.1:1',
      prefix: 'drover-',
      timeout: '5s',
      cut_after: '10s',
      server_options: '',
    });
  });
  it.each([
    {},
    { socket: '/a', address: '127.0.0.1:1' },
    { socket: undefined, address: 'localhost' },
    { backend: 'web; shutdown frontend www' },
    { backend: 'web\nshow info' },
    { server_options: 'inter 1s; del server web/x' },
    { server_options: 'inter 1s\nx' },
    { server_options: 'x <<' },
    { slots: 'app*' },
    { mode: 'auto ' },
    { timeout: '5' },
    { timeout: '1h' },
    { cut_after: '2m' },
    { placeholder: '127.0.0.1' },
    { bakend: 'x' },
  ])('refuses %j', (bad) => {
    const given = Object.keys(bad).length === 0 ? {} : { socket: '/run/haproxy.sock', backend: 'web', ...bad };
    expect(manifest.options.safeParse(given).success).toBe(false);
  });
});
