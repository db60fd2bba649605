import type { CloudAbilities } from '../ports/ports.ts';
import { partKey } from './check-drivers.ts';
import type { Sense } from './sense.ts';
import type { Path } from './tree.ts';

/** Is the address of the listener one of this machine only? */
export function isLoopback(listen: string): boolean {
  const host = listen.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  return host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

/** The controller itself, and receivers with a listener of their own. */
export function checkServer(s: Sense): void {
  const server = ['server', 'listen'];
  const listen = s.text(server);
  const plain = !s.written(['server', 'tls']) && s.at(['server', 'insecure_http']) === false;
  if (listen !== null && !isLoopback(listen) && plain) {
    s.tell('E0113', s.span(server), {
      message: 'the API would be open to the network over plain HTTP',
      label: 'beyond loopback, without TLS',
      help: 'add `tls: { cert: …, key: … }`; or `insecure_http: true` where a proxy in front adds TLS; or listen on `127.0.0.1`',
    });
  }
  const taken: { listen: string; path: Path }[] = listen === null ? [] : [{ listen, path: server }];
  for (const receiver of s.keys(['receivers'])) {
    const path = ['receivers', receiver, 'listen'];
    const own = s.text(path);
    if (own !== null && !isLoopback(own) && plain) {
      s.tell('E0113', s.span(path), {
        message: `alerts for \`${receiver}\` would cross the network over plain HTTP`,
        label: 'beyond loopback, without TLS',
        help: 'add `server: { tls: { cert: …, key: … } }`; or `insecure_http: true` there where a proxy in front adds TLS; or listen on `127.0.0.1`',
      });
    }
    if (own !== null) checkAddress(s, own, path, taken);
    // `/hooks/NAME` is not served to the network then: it refuses whoever is not on this machine.
    const at = own === null ? listen : own;
    if (at === null || isLoopback(at) || s.at(['receivers', receiver, 'auth']) !== 'none') continue;
    s.tell('E0112', s.span(['receivers', receiver, 'auth']), {
      message: `anybody on the network could send alerts to \`${receiver}\``,
      label: '`none` is for loopback only …',
      help: 'write `auth: { bearer: { file: /run/secrets/NAME } }`, or listen on `127.0.0.1`',
      second: { span: s.span(own === null ? server : path), label: '… and this is not loopback' },
    });
  }
}

/** Two listeners cannot have one address. */
function checkAddress(s: Sense, listen: string, path: Path, taken: { listen: string; path: Path }[]): void {
  const before = taken.find((t) => overlap(t.listen, listen));
  taken.push({ listen, path });
  if (before === undefined) return;
  s.tell('E0120', s.span(path), {
    message: `\`${listen}\` is taken already`,
    label: 'no second listener can have it',
    help: 'give each its own port',
    ...(s.written(before.path) ? { second: { span: s.span(before.path), label: 'taken here' } } : {}),
  });
}

/** Empty, `0.0.0.0` and `[::]` stand for every address. Port 0 is a free one, whatever others have. */
function overlap(a: string, b: string): boolean {
  const parts = (listen: string): [string, string] => [listen.slice(0, listen.lastIndexOf(':')), listen.slice(listen.lastIndexOf(':') + 1)];
  const [[hostA, portA], [hostB, portB]] = [parts(a), parts(b)];
  const every = (host: string): boolean => host === '' || host === '0.0.0.0' || host === '[::]';
  return Number(portA) === Number(portB) && Number(portA) !== 0 && (hostA === hostB || every(hostA) || every(hostB));
}

/** Machine names begin with the prefix and are never used twice, so each group needs its own; numbered names also clash where one prefix is another and digits. */
export function checkPrefixes(s: Sense): void {
  const groups = s.keys(['groups']).map((name) => {
    const path = ['groups', name, 'naming', 'prefix'];
    return { name, path, prefix: s.text(path) ?? name, numbered: s.text(['groups', name, 'naming', 'style']) === 'increasing' };
  });
  groups.forEach((group, i) => {
    const before = groups.slice(0, i).find((other) => clash(other, group));
    if (before === undefined) return;
    const own = s.written(group.path);
    const same = before.prefix === group.prefix;
    s.tell('E0050', own ? s.span(group.path) : s.key(['groups', group.name]), {
      message: `the machines of \`${before.name}\` and \`${group.name}\` would have the same names`,
      label: same && own ? `the same prefix, \`${group.prefix}\`` : `its machines are named \`${group.prefix}${group.numbered ? '1' : '-…'}\``,
      help: same
        ? 'give each group a prefix of its own; without one it is the name of the group'
        : `end the prefixes in a dash, as in \`${group.prefix}-\`: numbers behind \`${before.prefix}\` and \`${group.prefix}\` make the same names`,
      second: { span: s.written(before.path) ? s.span(before.path) : s.key(['groups', before.name]), label: 'used here already' },
    });
  });
}

interface Named {
  readonly prefix: string;
  readonly numbered: boolean;
}
function clash(a: Named, b: Named): boolean {
  if (a.prefix === b.prefix) return true;
  const [short, long] = a.prefix.length < b.prefix.length ? [a, b] : [b, a];
  return short.numbered && long.numbered && long.prefix.startsWith(short.prefix) && /^\d+$/.test(long.prefix.slice(short.prefix.length));
}

/** What a group asks of its cloud, its hooks and its purse. */
export function checkRest(s: Sense, group: string): void {
  const path = ['groups', group];
  checkSpread(s, path);
  checkHooks(s, path);
  checkMoney(s, group, path);
  const min = s.number([...path, 'min']);
  const max = s.number([...path, 'max']);
  if (s.length([...path, 'policies']) === 0 && min !== null && max !== null && min < max && !s.hurt('policies', 'target') && !s.input.badTargets.has(group)) {
    s.tell('W0202', s.key(path), {
      message: `nothing scales group \`${group}\``,
      label: 'it has no policy',
      help: `add \`target:\` or \`policies:\`; it stays at ${min} until then, unless a person changes it`,
    });
  }
}

/** The group's kind of cloud and what it can do, as far as its options tell; null where that is not known. */
function cloudOf(s: Sense, path: Path): { readonly type: string; readonly can: CloudAbilities } | null {
  const template = s.text([...path, 'template']);
  const name = s.text([...path, 'cloud']) ?? s.text(template === null ? [...path, 'template', 'cloud'] : ['templates', template, 'cloud']);
  const type = name === null ? null : s.text(['clouds', name, 'type']);
  if (name === null || type === null || !Object.hasOwn(s.input.registry.clouds, type)) return null;
  const manifest = s.input.registry.clouds[type];
  const options = s.input.parts.options.get(partKey(['clouds', name]));
  if (manifest === undefined || options === undefined) return null;
  return { type, can: manifest.abilities?.(options) ?? manifest.can };
}

function checkSpread(s: Sense, path: Path): void {
  const cloud = cloudOf(s, path);
  if (cloud === null || cloud.can.zones || s.length([...path, 'spread', 'locations']) === 0) return;
  s.tell('E0118', s.key([...path, 'spread']), {
    message: `the cloud \`${cloud.type}\` has no zones to spread over`,
    label: 'cannot be done here',
    help: 'remove `spread`',
  });
}

function checkHooks(s: Sense, path: Path): void {
  for (const step of ['before_attach', 'before_delete']) {
    for (let i = 0; i < s.length([...path, 'hooks', step]); i++) {
      const at = [...path, 'hooks', step, i];
      if (step === 'before_delete' && s.at([...at, 'on_failure']) === 'replace') {
        s.tell('E0109', s.span([...at, 'on_failure']), {
          message: 'a machine that is leaving cannot be replaced',
          label: 'has no meaning in `before_delete`',
          help: 'write `on_failure: continue` (delete it anyway) or `on_failure: retry`',
        });
      }
      checkCommand(s, at);
    }
  }
}

/** A command with a path is looked for, where the caller can look. */
function checkCommand(s: Sense, hook: Path): void {
  const exists = s.input.fileExists;
  const options = s.input.parts.options.get(partKey(hook));
  if (exists === null || options === null || typeof options !== 'object') return;
  for (const [key, value] of Object.entries(options as object)) {
    const program: unknown = Array.isArray(value) ? value[0] : undefined;
    if (typeof program !== 'string' || !program.includes('/') || program.includes('{{') || program.includes('://') || exists(program)) continue;
    s.tell('W0204', s.span([...hook, key, 0]), {
      message: `\`${program.slice(0, 80)}\` is not there`,
      label: 'looked for relative to this file',
      help: 'write the path relative to the configuration file, or as it is on the machine that runs Drover',
    });
  }
}

interface Priced {
  readonly currency: string;
}

function checkMoney(s: Sense, group: string, path: Path): void {
  const budget = s.at([...path, 'limits', 'budget']) as Priced | undefined;
  if (budget === undefined || !s.written([...path, 'limits', 'budget'])) return;
  const template = s.text([...path, 'template']);
  const templatePrice = template === null ? [...path, 'template', 'price'] : ['templates', template, 'price'];
  const at = s.written([...path, 'price']) ? [...path, 'price'] : templatePrice;
  const price = s.at(at) as Priced | undefined;
  if (price !== undefined && price.currency !== budget.currency) {
    s.tell('E0115', s.span(at), {
      message: 'the price and the budget are in different currencies',
      label: `${price.currency} …`,
      help: `write the price in ${budget.currency}`,
      second: { span: s.span([...path, 'limits', 'budget']), label: `… but the budget is in ${budget.currency}` },
    });
  }
  const cloud = cloudOf(s, path);
  if (cloud !== null && !cloud.can.prices && !s.written(at)) {
    s.tell('W0203', s.span([...path, 'limits', 'budget']), {
      message: `the budget of group \`${group}\` cannot be counted`,
      label: `the cloud \`${cloud.type}\` tells no prices`,
      help: `add \`price: 0.01 ${budget.currency}/h\` to the group or its template`,
    });
  }
}
