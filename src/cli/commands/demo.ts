import { usageError } from '../cli-error.ts';
import type { Run } from '../context.ts';
import { countOf } from '../input.ts';

const BALANCERS = ['auto', 'haproxy', 'proxy'] as const;
const CLOUDS = ['local', 'linode'] as const;

export const demo: Run = async (ctx, input) => {
  const seconds = input.text('seconds');
  const asked = input.text('balancer');
  const balancer = BALANCERS.find((b) => b === (asked ?? 'auto'));
  if (balancer === undefined) throw usageError(`--balancer is ${BALANCERS.join(', ')}, not \`${asked}\``);
  const cloud = CLOUDS.find((c) => c === (input.text('cloud') ?? 'local'));
  if (cloud === undefined) throw usageError(`--cloud is ${CLOUDS.join(' or ')}, not \`${input.text('cloud')}\``);
  if (cloud === 'linode' && asked !== null) throw usageError('--balancer goes with --cloud local; the cloud linode has a NodeBalancer');
  const report = input.text('report');
  // The demo ends itself at these signals: it has machines to clear away.
  ctx.io.onSignal('SIGINT', () => {});
  const { runDemo } = await import('../../app/demo/demo.ts');
  return runDemo(
    {
      seconds: seconds === null ? null : countOf(seconds, '--seconds', 10, 3600),
      json: ctx.globals.json,
      report: report === null ? null : ctx.path(report),
      world: cloud === 'linode' ? { cloud } : { cloud, balancer },
    },
    { stdout: ctx.io.stdout as NodeJS.WritableStream, stderr: ctx.io.stderr as NodeJS.WritableStream, stdin: ctx.io.stdin },
  );
};
