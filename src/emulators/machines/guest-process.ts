/** The world's end of a machine's process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FromGuest, GuestSpec, ToGuest } from './guest-protocol.ts';
import type { MachineLoad, MachineStats } from './machines.ts';

const REPLY_MS = 10_000;

export interface GuestEvents {
  readonly onReady: () => void;
  readonly onFirstBoot: (ok: boolean) => void;
  /** Called once. */
  readonly onExit: () => void;
}

export class GuestProcess {
  readonly #child: ChildProcess;
  readonly #gone: Promise<void>;
  readonly #replies = new Map<number, (stats: MachineStats | Error) => void>();
  #lastId = 0;
  #exited = false;

  constructor(spec: GuestSpec, events: GuestEvents) {
    const console = openSync(join(spec.disk, 'console.log'), 'a', 0o600);
    this.#child = spawn(process.execPath, [fileURLToPath(new URL('./guest.ts', import.meta.url))], {
      // A process group of its own: what its scripts start ends with it, and Ctrl-C in our terminal is ours alone.
      detached: true,
      cwd: spec.disk,
      env: { PATH: process.env['PATH'] },
      stdio: ['ignore', console, console, 'ipc'],
    });
    closeSync(console);
    this.#gone = new Promise((resolve) => {
      const end = () => {
        if (this.#exited) return;
        this.#exited = true;
        this.#killGroup();
        for (const reply of this.#replies.values()) reply(new Error('the machine does not run'));
        resolve();
        events.onExit();
      };
      this.#child.once('exit', end);
      this.#child.on('error', () => {
        // Also said when a message cannot be sent: then it is about to exit.
        if (this.#child.pid === undefined) end();
      });
    });
    this.#child.on('message', (message: FromGuest) => {
      if (message.type === 'ready') events.onReady();
      else if (message.type === 'first-boot') events.onFirstBoot(message.ok);
      else this.#replies.get(message.id)?.(message.stats);
    });
    this.#send({ type: 'start', spec });
  }

  get pid(): number | null {
    return this.#exited ? null : (this.#child.pid ?? null);
  }

  go(): void {
    this.#send({ type: 'go' });
  }

  listen(address: string): void {
    this.#send({ type: 'listen', address });
  }

  /** Asks it to end politely. */
  stop(graceMs: number): void {
    this.#send({ type: 'stop', graceMs });
  }

  /** Ends it now; resolves when it is gone. */
  async kill(): Promise<void> {
    if (!this.#exited) {
      this.#killGroup();
      this.#child.kill('SIGKILL');
    }
    await this.#gone;
  }

  setLoad(load: MachineLoad): Promise<MachineStats> {
    return this.#ask((id) => ({ type: 'load', id, load }));
  }

  setHealthy(healthy: boolean): Promise<MachineStats> {
    return this.#ask((id) => ({ type: 'healthy', id, healthy }));
  }

  stats(): Promise<MachineStats> {
    return this.#ask((id) => ({ type: 'stats', id }));
  }

  #ask(message: (id: number) => ToGuest): Promise<MachineStats> {
    if (this.#exited) return Promise.reject(new Error('the machine does not run'));
    const id = ++this.#lastId;
    return new Promise<MachineStats>((resolve, reject) => {
      const timer = setTimeout(() => reply(new Error(`the machine did not answer within ${REPLY_MS / 1000} s`)), REPLY_MS);
      const reply = (answer: MachineStats | Error) => {
        clearTimeout(timer);
        this.#replies.delete(id);
        if (answer instanceof Error) reject(answer);
        else resolve(answer);
      };
      this.#replies.set(id, reply);
      this.#send(message(id));
    });
  }

  #send(message: ToGuest): void {
    // A message to one that is just ending is lost; its exit tells.
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  #killGroup(): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {}
  }
}
