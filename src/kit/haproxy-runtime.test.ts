import { describe, expect, it } from 'vitest';
import type { Sockets } from '../ports/sockets.ts';
import { openRuntime, parseTarget, replyError } from './haproxy-runtime.ts';

const signal = new AbortController().signal;
function runtimeOf(reply: string | ((line: string) => Promise<string>)) {
  const lines: string[] = [];
  const sockets: Sockets = {
    canConnect: async () => true,
    exchange: async (_target, line) => {
      lines.push(line);
      return typeof reply === 'string' ? reply : reply(line);
    },
  };
  return { runtime: openRuntime(sockets, { path: '/s' }, 1000), lines };
}

describe('runtime API', () => {
  it('sends one line and trims the reply', async () => {
    const { runtime, lines } = runtimeOf('New server registered.\n\n');
    expect(await runtime.change('add server web/a 10.0.0.1:80', signal)).toBe('New server registered.');
    expect(lines).toEqual(['add server web/a 10.0.0.1:80\n']);
    expect(await runtimeOf('\n').runtime.change('x', signal)).toBe('');
  });

  it('splits the replies of several commands', async () => {
    const { runtime, lines } = runtimeOf('1\n# a b\n1 2\n\n\n# c,\n3,\n\n');
    expect(await runtime.read(['show a', 'show b'], signal)).toEqual(['1\n# a b\n1 2', '# c,\n3,']);
    expect(lines).toEqual(['show a; show b\n']);
  });

  it.each([
    ['', 'unreachable'], // closed without a word
    ['1\n# a', 'unreachable'],
    ['1\n# a\n', 'bad-reply'], // no empty line: cut between two lines
    ['only one reply\n\n', 'bad-reply'],
    ['Permission denied\n\n', 'unauthorized'],
    ["Can't find backend.\n\n", 'not-found'],
    ['Unknown command, but maybe one of the following ones is a better match:\n  help\n\n', 'bad-request'],
  ])('takes %j for %s', async (reply, code) => {
    await expect(runtimeOf(reply).runtime.read(['show a', 'show b'], signal)).rejects.toMatchObject({ code });
  });

  it.each(['a\nb', 'a\rb', 'show <<', 'x'.repeat(9000)])('does not send what is not one line', async (line) => {
    const { runtime, lines } = runtimeOf('\n');
    await expect(runtime.change(line, signal)).rejects.toMatchObject({ code: 'bad-request' });
    expect(lines).toEqual([]);
  });

  it('keeps to four connections at once', async () => {
    let open = 0;
    let most = 0;
    const { runtime } = runtimeOf(async () => {
      most = Math.max(most, ++open);
      await new Promise((go) => setImmediate(go));
      open--;
      return '\n';
    });
    await Promise.all(Array.from({ length: 20 }, () => runtime.change('x', signal)));
    expect(most).toBe(4);
  });

  // As printed by 2.4 to 3.4.
  it.each([
    ['No such backend.', 'not-found'],
    ['No such server.', 'not-found'],
    ['Already exists a server with the same name in backend.', 'conflict'],
    ['Only servers in maintenance mode can be deleted.', 'conflict'],
    ['Server still has connections attached to it, cannot remove it.', 'conflict'],
    ['This server cannot be removed at runtime due to other configuration elements pointing to it.', 'bad-request'],
    ['Backend must use a dynamic load balancing to support dynamic servers.', 'bad-request'],
    ['Backend does not support dynamic servers : must use a dynamic load balancing.', 'bad-request'],
    ["'check' option is not accepted for dynamic server", 'bad-request'],
    ["unknown keyword 'foo'; did you mean 'tfo' maybe ?", 'bad-request'],
    ['Absolute weight can only be between 0 and 256 inclusive.', 'bad-request'],
    ["Invalid addr '1.2.3' by 'stats socket command'", 'bad-request'],
    ['This command is restricted to experimental mode only.', 'bad-request'],
    ['something new', 'bad-reply'],
  ])('maps %j to %s and keeps its words', (reply, code) => {
    expect(replyError(reply, 'cmd')).toMatchObject({ code, message: expect.stringContaining(reply) });
  });

  it('reads addresses', () => {
    expect(parseTarget('127.0.0.1:9999')).toEqual({ host: '127.0.0.1', port: 9999 });
    expect(parseTarget('[::1]:80')).toEqual({ host: '::1', port: 80 });
    expect(parseTarget('lb.example:80')).toEqual({ host: 'lb.example', port: 80 });
    for (const bad of ['', 'host', ':80', 'host:', 'host:0', 'host:65536', '::1:80', 'a b:80', 'host:80x']) expect(parseTarget(bad)).toBeNull();
  });
});
