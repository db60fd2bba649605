import { expect, it } from 'vitest';
import { DriverError } from '../ports/errors.ts';
import { declaredEnv, ending, orAborted, tail, throwIfAborted } from './command.ts';
import { durationMs, durationText } from './duration-text.ts';

it('reads durations and refuses what is none', () => {
  const readable: [string, number][] = [
    ['500ms', 500],
    ['30s', 30_000],
    ['1h30m', 5_400_000],
    ['2d', 172_800_000],
    ['1m500ms', 60_500],
    ['0s', 0],
  ];
  for (const [text, ms] of readable) expect(durationMs(durationText.parse(text))).toBe(ms);
  for (const text of ['', '5', 's', '5 s', '-5s', '1.5s', '5S', '30s1m', '1s1s', '5ms ']) {
    expect(durationText.safeParse(text).success, text).toBe(false);
    expect(() => durationMs(text), text).toThrow(RangeError);
  }
});

it('keeps our own names out of a declared environment', () => {
  expect(declaredEnv.safeParse({ A_1: 'x', B: { file: 'y' } }).success).toBe(true);
  for (const name of ['DROVER_TOKEN', '1A', 'A-B', 'A=B', '']) expect(declaredEnv.safeParse({ [name]: 'x' }).success, name).toBe(false);
});

it('shows the end of what a program said, without secrets', () => {
  expect(tail('one\n\ttwo \u001b[31m red\n', [])).toBe('one two [31m red');
  expect(tail('key=hunter22', ['hunter22'])).toBe('key=***');
  const long = tail(`${'x'.repeat(500)} hunter22 end`, ['hunter22']);
  expect(long).toHaveLength(200);
  expect(long).toMatch(/^….*\*\*\* end$/);
  expect(ending({ exitCode: 3, signal: null, stdout: '', stderr: '' }, [])).toBe('exit code 3');
  expect(ending({ exitCode: null, signal: 'SIGKILL', stdout: '', stderr: 'bye' }, [])).toBe('ended by SIGKILL: bye');
});

it('gives up waiting when aborted, and not before', async () => {
  const open = new AbortController();
  expect(await orAborted(Promise.resolve(7), open.signal, 'x')).toBe(7);
  await expect(orAborted(Promise.reject(new DriverError('quota', 'full')), open.signal, 'x')).rejects.toThrow('full');
  const waiting = orAborted(new Promise(() => {}), open.signal, 'the call');
  open.abort();
  await expect(waiting).rejects.toMatchObject({ code: 'unreachable', definite: false, message: 'the call was aborted' });
  expect(() => throwIfAborted(open.signal, 'the call')).toThrow(DriverError);
});
