import type { FoundVault } from '../../app/kept-secrets.ts';
import { CliError, usageError } from '../cli-error.ts';
import type { Context, Run } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { readHidden, readHiddenFile } from '../hidden-input.ts';

/** Works on the state directory itself: the value goes through no network and no controller. */
async function vaultOf(ctx: Context): Promise<FoundVault> {
  const { findVault } = await import('../../app/kept-secrets.ts');
  const { path, shown } = ctx.configFile(null);
  return findVault(path, shown);
}

export const list: Run = async (ctx) => {
  const { listSecrets } = await import('../../app/kept-secrets.ts');
  const vault = await vaultOf(ctx);
  const secrets = (await listSecrets(vault)).map((s) => ({
    name: s.name,
    set: s.kept === null ? null : new Date(s.kept.setAtMs).toISOString(),
    version: s.kept?.version ?? null,
    used_by: s.usedBy,
  }));
  if (ctx.globals.json) ctx.document({ schema: 'drover.secrets/v1', secrets });
  else if (secrets.length === 0 && !ctx.globals.plain) ctx.line('No secret is kept. Set one: drover secret set NAME');
  else {
    ctx.table(
      [{ title: 'NAME' }, { title: 'SET' }, { title: 'VERSION' }, { title: 'USED BY' }],
      secrets.map((s) => [s.name, s.set === null ? 'not set' : ctx.time(s.set), s.version === null ? '-' : String(s.version), s.used_by.join(', ') || '-']),
    );
  }
  return EXIT.ok;
};

export const set: Run = async (ctx, input) => {
  const { setSecret, MAX_SECRET_BYTES } = await import('../../app/kept-secrets.ts');
  const name = nameOf(input.need(0));
  const vault = await vaultOf(ctx);
  const file = input.text('fromFile');
  const value = file === null ? await readHidden(ctx, name, MAX_SECRET_BYTES) : await readHiddenFile(ctx.path(file), name, MAX_SECRET_BYTES);
  const { version, setAtMs } = await setSecret(vault, name, value);
  if (ctx.globals.json) ctx.document({ schema: 'drover.secret/v1', name, version, set: new Date(setAtMs).toISOString() });
  else ctx.line(`${name} is set (version ${version}). Use it in the configuration as { secret: ${name} }.`);
  return EXIT.ok;
};

export const remove: Run = async (ctx, input) => {
  const { removeSecret } = await import('../../app/kept-secrets.ts');
  const name = nameOf(input.need(0));
  const vault = await vaultOf(ctx);
  const usedBy = vault.uses?.get(name) ?? [];
  if (usedBy.length > 0 && !input.flag('force')) {
    throw new CliError(
      EXIT.refused,
      'in-use',
      `${name} is in use: ${usedBy.join(', ')}`,
      ['take it out of the configuration first, or pass --force; nothing was changed'],
      { used_by: usedBy },
    );
  }
  if (!(await removeSecret(vault, name)))
    throw new CliError(EXIT.notFound, 'no-such-secret', `there is no secret ${name}`, ['see them all:  drover secret list']);
  if (ctx.globals.json) ctx.document({ schema: 'drover.secret/v1', name, version: null, set: null });
  else ctx.line(`${name} is removed.`);
  return EXIT.ok;
};

export const rotateKey: Run = async (ctx) => {
  const { rotateSecretsKey } = await import('../../app/kept-secrets.ts');
  const { rewritten, oldKeys, key } = await rotateSecretsKey(await vaultOf(ctx));
  if (ctx.globals.json) ctx.document({ schema: 'drover.secrets-key/v1', key, rewritten, old_keys: oldKeys });
  else {
    ctx.line(`${rewritten} secret${rewritten === 1 ? '' : 's'} written anew with the key in ${key}.`);
    if (oldKeys > 0) ctx.note(`Take the old key out of ${key} now: only the first one there is in use.`);
  }
  return EXIT.ok;
};

/** Never repeats what is no name: it may be the value, typed in the wrong place. */
function nameOf(text: string): string {
  if (!/^[A-Za-z][A-Za-z0-9_.-]{0,63}$/.test(text))
    throw usageError('the name of a secret is up to 64 letters, digits, `_`, `-` and `.`, starting with a letter');
  return text;
}
