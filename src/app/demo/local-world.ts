/** Machines are small web servers of this machine, started by the `local` driver. */
import { randomUUID } from 'node:crypto';
import { realProcesses } from '../../platform/processes.ts';
import { startDemoBalancer } from './demo-balancer.ts';
import type { DemoWorld } from './demo-world.ts';

/** In the environment of each machine of one demo, and of nothing else. */
const MARK = 'DEMO_WORLD';

export async function openLocalWorld(dir: string, want: 'auto' | 'haproxy' | 'proxy'): Promise<DemoWorld> {
  const balancer = await startDemoBalancer(dir, want);
  const mark = randomUUID();
  const web = new URL('../../emulators/web/main.ts', import.meta.url).pathname;
  const machines = async () => (await realProcesses.findByEnv(MARK)).filter((p) => p.env[MARK] === mark && !p.zombie);
  return {
    intro: 'Small web servers on this machine play the part of cloud machines. Nothing is kept, nothing leaves 127.0.0.1.',
    balancer: balancer.kind,
    url: balancer.url,
    config: {
      top: `balancers: { edge: ${balancer.balancer} }\nsources: { edge-stats: ${balancer.source} }`,
      group: [
        'cloud: local',
        `template: { command: [${JSON.stringify(process.execPath)}, ${JSON.stringify(web)}], env: { BOOT_MS: '3000', ${MARK}: ${mark} } }`,
        'balancer: { use: edge }',
      ],
      query: balancer.query,
    },
    async kill({ id }) {
      const found = (await machines()).find((p) => p.env['DROVER_INSTANCE'] === id);
      if (found !== undefined) await realProcesses.kill(found, 'SIGKILL');
      return found !== undefined;
    },
    async close() {
      for (let round = 0; round < 3; round++) {
        const left = await machines();
        if (left.length === 0) break;
        await Promise.all(left.map((p) => realProcesses.kill(p, 'SIGKILL')));
        await new Promise((done) => setTimeout(done, 50));
      }
      await balancer.stop();
    },
  };
}
