import type { Path } from './tree.ts';

const SECTIONS: Readonly<Record<string, string>> = {
  clouds: 'cloud',
  sources: 'source',
  templates: 'template',
  balancers: 'balancer',
  receivers: 'receiver',
  notify: 'notifier',
  groups: 'group',
};

/** How people speak of the map at a path: "group `web`", "a `target` policy", "`limits.scale_in`". */
export function describePlace(path: Path, typeAt: (path: Path) => string | null): string {
  const [section, name, ...rest] = path;
  if (section === undefined) return 'the configuration';
  const noun = SECTIONS[String(section)];
  if (noun === undefined) return `\`${dotted(path)}\``;
  if (name === undefined) return `\`${section}\``;
  if (section !== 'groups' || rest.length === 0) return rest.length === 0 ? `${noun} \`${name}\`` : `\`${dotted(rest)}\` of ${noun} \`${name}\``;
  const [part, which, ...below] = rest;
  if (part === 'policies' && which !== undefined) {
    const type = typeAt([section, name, part, which]);
    const policy = type === null ? 'a policy' : `a \`${type}\` policy`;
    return below.length === 0 ? policy : `\`${dotted(below)}\` of ${policy}`;
  }
  if (part === 'metrics' && which !== undefined && below.length === 0) return `metric \`${which}\``;
  if (part === 'hooks' && which !== undefined) return `a \`${which}\` hook`;
  return `\`${dotted(rest)}\``;
}

/** `policies.1.steps` → `policies[1].steps` */
export function dotted(path: Path): string {
  return path.reduce<string>((text, key) => (typeof key === 'number' ? `${text}[${key}]` : text === '' ? key : `${text}.${key}`), '');
}
