import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type LinodeAccount, openAccount } from '../../../test/support/linode-account.ts';
import { describeUnless } from '../../../test/support/real.ts';

/** As of the day the document of the API was read. */
const VERSION = '5.69.0';
const run = promisify(execFile);
const dir = mkdtempSync(join(tmpdir(), 'drover-linode-cli-'));

/** Installs the program into a virtual environment of this test. Null: it is there; else why not. */
async function install(): Promise<string | null> {
  const step = async (program: string, argv: readonly string[], why: string): Promise<string | null> =>
    run(program, argv, { timeout: 120_000 }).then(
      () => null,
      () => why,
    );
  // Debian's python3 comes without venv; virtualenv is a package of its own.
  const venv = await step('python3', ['-m', 'venv', join(dir, 'venv')], '');
  const virtualenv = venv === null ? null : await step('virtualenv', ['-q', join(dir, 'venv')], 'needs python3 with venv, or virtualenv');
  if (virtualenv !== null) return virtualenv;
  const pip = ['-q', '--disable-pip-version-check', '--retries', '1', `linode-cli==${VERSION}`];
  return step(join(dir, 'venv', 'bin', 'pip'), ['install', ...pip], "needs linode-cli from Python's registry");
}

const lacking = await install();
if (lacking !== null) rmSync(dir, { recursive: true, force: true });

describeUnless(lacking, 'linode-cli against the emulator', () => {
  let account: LinodeAccount;
  beforeAll(async () => {
    account = await openAccount({ tokens: [{ token: 'writer' }, { token: 'reader', scopes: 'linodes:read_only,events:read_only,ips:read_only' }] });
  });
  afterAll(async () => {
    await account.close();
    rmSync(dir, { recursive: true, force: true });
  });

  const cli = async (argv: readonly string[], token = 'writer') => {
    const env = {
      PATH: process.env['PATH'] ?? '',
      HOME: dir,
      LINODE_CLI_TOKEN: token,
      LINODE_CLI_API_HOST: new URL(account.url).host,
      LINODE_CLI_API_SCHEME: 'http',
      LINODE_CLI_API_VERSION: 'v4',
    };
    const ended = await run(join(dir, 'venv', 'bin', 'linode-cli'), argv, { env, timeout: 30_000 }).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      (e: { code?: number; stdout?: string; stderr?: string }) => ({ code: e.code ?? -1, stdout: e.stdout ?? '', stderr: e.stderr ?? '' }),
    );
    return { ...ended, rows: () => JSON.parse(ended.stdout) as Record<string, unknown>[] };
  };

  /** As the script of the Spanish guide does it: no region, type or image are said there, they are the defaults of its configuration. */
  const DEFAULTS = ['--region', 'us-east', '--type', 'g6-nanode-1', '--image', 'linode/debian12'];
  const LABEL = `nginx-${'k3j9x'.repeat(5)}`;

  it('creates a Nanode, lists it, puts it behind a NodeBalancer and deletes it', async () => {
    const create = [
      'linodes',
      'create',
      '--label',
      LABEL,
      '--root_pass',
      'c2VjcmV0LXNlY3JldA==',
      '--tags',
      'khw',
      '--tags',
      'autoscale',
      '--private_ip',
      'true',
    ];
    const made = await cli([...create, ...DEFAULTS, '--json']);
    expect(made.code, made.stderr).toBe(0);
    expect(made.rows()).toMatchObject([{ label: LABEL, tags: ['khw', 'autoscale'], region: 'us-east', type: 'g6-nanode-1' }]);
    const id = String(made.rows()[0]?.['id']);
    const listed = await cli(['linodes', 'list', '--tags', 'khw', '--json']);
    expect(listed.rows()).toMatchObject([{ label: LABEL }]);
    const [, privateV4 = ''] = (listed.rows()[0]?.['ipv4'] ?? []) as string[];

    const balancer = String((await cli(['nodebalancers', 'create', '--region', 'us-east', '--label', 'front', '--json'])).rows()[0]?.['id']);
    const config = String((await cli(['nodebalancers', 'config-create', balancer, '--port', '8080', '--json'])).rows()[0]?.['id']);
    const node = await cli(['nodebalancers', 'node-create', '--address', `${privateV4}:80`, '--label', LABEL, balancer, config, '--json']);
    expect(node.rows()).toMatchObject([{ address: `${privateV4}:80`, label: LABEL, mode: 'accept', status: 'Unknown' }]);

    expect((await cli(['linodes', 'delete', id])).code).toBe(0);
    expect((await cli(['linodes', 'list', '--json'])).rows()).toEqual([]);
    expect(account.ledger()).toMatchObject({ created: 1, deleted: 1, living: 0 });
  });

  it('can only look with a read-only token', async () => {
    expect((await cli(['linodes', 'list', '--json'], 'reader')).code).toBe(0);
    const refused = await cli(['linodes', 'create', '--label', 'nope', '--root_pass', 'c2VjcmV0LXNlY3JldA==', ...DEFAULTS], 'reader');
    expect(refused.code).not.toBe(0);
    expect(refused.stdout + refused.stderr).toContain('Your OAuth token is not authorized to use this endpoint.');
    expect(account.ledger().created).toBe(1);
  });

  it('shows the reasons of a refusal', async () => {
    const refused = await cli(['linodes', 'create', '--label', 'x', '--region', 'nowhere', '--type', 'g6-nanode-1']);
    expect(refused.code).not.toBe(0);
    expect(refused.stdout + refused.stderr).toContain('region is not valid');
  });
});
