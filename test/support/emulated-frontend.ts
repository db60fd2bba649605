/** Frontends of the emulated balancer for tests, and what stands behind them. Everything is closed after each test. */
import { afterEach, expect } from 'vitest';
import type { BackendSpec, BackendView, CheckSpec, Frontend, FrontendSpec } from '../../src/emulators/balancing/balancing.ts';
import { type FrontendOptions, openFrontend } from '../../src/emulators/balancing/frontend.ts';
import { startTestMember, type TestMember } from './member.ts';

export const POLL = { timeout: 10_000, interval: 5 };
export const CHECK: CheckSpec = { kind: 'http', path: '/healthz', body: '', intervalMs: 30, timeoutMs: 500, attempts: 2, passive: false };
export const NO_CHECK: CheckSpec = { ...CHECK, kind: 'none' };

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** Closed after the test, in the order of these calls. */
export function closeLater(close: () => Promise<unknown>): void {
  closers.push(close);
}

export async function openTestFrontend(spec: Partial<FrontendSpec> = {}, options: FrontendOptions = {}): Promise<Frontend & { readonly url: string }> {
  const base: FrontendSpec = { address: '127.0.0.1', port: 0, protocol: 'http', algorithm: 'roundrobin', stickiness: 'none', check: CHECK };
  const frontend = await openFrontend({ ...base, ...spec }, options);
  closeLater(() => frontend.close());
  return Object.assign(frontend, { url: `http://127.0.0.1:${frontend.spec.port}` });
}

export async function startMember(name: string, ready = true): Promise<TestMember> {
  const started = await startTestMember(name, ready);
  closeLater(() => started.stop());
  return started;
}

export function backendOf(of: { readonly name: string; readonly address: string; readonly port: number }, over: Partial<BackendSpec> = {}): BackendSpec {
  return { id: of.name, address: of.address, port: of.port, weight: 1, mode: 'accept', ...over };
}

export function statusOf(frontend: Frontend, id: string): BackendView['status'] | undefined {
  return frontend.backends().find((each) => each.id === id)?.status;
}

export async function untilUp(frontend: Frontend, ...ids: string[]): Promise<void> {
  await expect.poll(() => ids.map((id) => statusOf(frontend, id)), POLL).toEqual(ids.map(() => 'up'));
}
