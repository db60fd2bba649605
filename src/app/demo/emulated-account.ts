import { spawn } from 'node:child_process';
import { EmulatorClient } from '../../emulators/api/client.ts';
import type { LinodeOptions } from '../../emulators/linode/linode.ts';
import { endChild, firstLine } from '../../platform/children.ts';

const START_MS = 20_000;
const END_MS = 10_000;

/** An emulated Linode account in a process of its own. */
export class EmulatedAccount extends EmulatorClient {
  readonly url: string;
  readonly controlUrl: string;
  readonly token: string;
  /** Ends it and its machines. */
  readonly close: () => Promise<void>;

  private constructor(told: Record<'url' | 'control' | 'token', string>, close: () => Promise<void>) {
    super(`${told.url}/v4`, told.control, told.token);
    this.url = told.url;
    this.controlUrl = told.control;
    this.token = told.token;
    this.close = close;
  }

  /** It ends with this process, however that one ends. */
  static async open(options: LinodeOptions): Promise<EmulatedAccount> {
    const main = new URL('../../emulators/linode/main.ts', import.meta.url);
    // A process group of its own: Ctrl-C is for us, and we end it. Its standard input ends with us in any case.
    const child = spawn(process.execPath, [main.pathname, JSON.stringify(options)], { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
    const told = JSON.parse(await firstLine(child, 'the emulated Linode', START_MS));
    return new EmulatedAccount(told, () => endChild(child, END_MS));
  }
}
