import type { Run } from './context.ts';

/** The code of each command, loaded when it runs and not before. Names as in command-table.ts. */
const LOADERS: Readonly<Record<string, () => Promise<Run>>> = {
  demo: async () => (await import('./commands/demo.ts')).demo,
  init: async () => (await import('./commands/init.ts')).init,
  validate: async () => (await import('./commands/validate.ts')).validate,
  plan: async () => (await import('./commands/plan.ts')).plan,
  apply: async () => (await import('./commands/apply.ts')).apply,
  serve: async () => (await import('./commands/serve.ts')).serve,
  status: async () => (await import('./commands/status.ts')).status,
  why: async () => (await import('./commands/why.ts')).why,
  history: async () => (await import('./commands/history.ts')).history,
  events: async () => (await import('./commands/events.ts')).events,
  eval: async () => (await import('./commands/eval.ts')).evaluate,
  victims: async () => (await import('./commands/victims.ts')).victims,
  pause: async () => (await import('./commands/pause.ts')).pause,
  resume: async () => (await import('./commands/pause.ts')).resume,
  scale: async () => (await import('./commands/scale.ts')).scale,
  approve: async () => (await import('./commands/approve.ts')).approve,
  'instances list': async () => (await import('./commands/instances-list.ts')).instancesList,
  'instances show': async () => (await import('./commands/instances.ts')).show,
  'instances drain': async () => (await import('./commands/instances.ts')).drain,
  'instances protect': async () => (await import('./commands/instances.ts')).protect,
  'instances standby': async () => (await import('./commands/instances.ts')).standby,
  'instances replace': async () => (await import('./commands/instances.ts')).replace,
  'instances adopt': async () => (await import('./commands/instances.ts')).adopt,
  'instances forget': async () => (await import('./commands/instances.ts')).forget,
  'groups list': async () => (await import('./commands/groups.ts')).list,
  'groups show': async () => (await import('./commands/groups.ts')).show,
  'groups remove': async () => (await import('./commands/groups.ts')).remove,
  'groups unfreeze': async () => (await import('./commands/groups.ts')).unfreeze,
  doctor: async () => (await import('./commands/doctor.ts')).doctor,
  explain: async () => (await import('./commands/explain.ts')).explain,
  'metrics list': async () => (await import('./commands/metrics.ts')).list,
  'metrics test': async () => (await import('./commands/metrics.ts')).test,
  'metrics query': async () => (await import('./commands/metrics.ts')).query,
  'config show': async () => (await import('./commands/config-show.ts')).configShow,
  'token list': async () => (await import('./commands/token.ts')).list,
  'token create': async () => (await import('./commands/token.ts')).create,
  'token revoke': async () => (await import('./commands/token.ts')).revoke,
  'secret list': async () => (await import('./commands/secret.ts')).list,
  'secret set': async () => (await import('./commands/secret.ts')).set,
  'secret remove': async () => (await import('./commands/secret.ts')).remove,
  'secret rotate-key': async () => (await import('./commands/secret.ts')).rotateKey,
  'audit verify': async () => (await import('./commands/audit.ts')).verify,
  backup: async () => (await import('./commands/backup.ts')).backup,
  'emulate linode': async () => (await import('./commands/emulate-linode.ts')).emulateLinode,
  'emulate proxy': async () => (await import('./commands/emulate.ts')).proxy,
  'emulate web': async () => (await import('./commands/emulate.ts')).web,
  'export openapi': async () => (await import('./commands/export.ts')).openapi,
  'export schema': async () => (await import('./commands/export.ts')).schema,
  'export systemd': async () => (await import('./commands/export.ts')).systemd,
  'export ansible': async () => (await import('./commands/export-ansible.ts')).ansible,
  'import am-executor': async () => (await import('./commands/import-am-executor.ts')).importAmExecutor,
  completion: async () => (await import('./commands/completion.ts')).completion,
  version: async () => (await import('./commands/version.ts')).version,
  help: async () => (await import('./commands/help.ts')).help,
};

export const LOADABLE: readonly string[] = Object.keys(LOADERS);

export async function loadCommand(name: string): Promise<Run> {
  const load = Object.hasOwn(LOADERS, name) ? LOADERS[name] : undefined;
  if (load === undefined) throw new TypeError(`no code for the command ${name}`);
  return load();
}
