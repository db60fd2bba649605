import { type Frame, placeText } from './diagnostic.ts';
import { child, type YamlNode } from './tree.ts';

/** Where each key of a group was written: `limits.scale_out.step` → `drover.yaml:52:18`. Policies go by their names. */
export function writtenKeys(root: YamlNode, group: string, frame: Frame): Record<string, string> {
  const out: Record<string, string> = {};
  const node = child(child(root, 'groups'), group);
  if (node !== undefined) collect(node, '', frame, out);
  return out;
}

function collect(node: YamlNode, path: string, frame: Frame, out: Record<string, string>): void {
  if (path !== '') out[path] = placeText(frame, node.span);
  if (node.kind === 'map') {
    for (const entry of node.entries) if (entry.made !== 'default') collect(entry.value, path === '' ? entry.key : `${path}.${entry.key}`, frame, out);
  }
  if (node.kind !== 'seq') return;
  node.items.forEach((item, i) => {
    const name = child(item, 'name') ?? (path === 'policies' ? child(item, 'type') : undefined);
    const key = name?.kind === 'scalar' && typeof name.value === 'string' ? name.value : String(i);
    collect(item, `${path}.${key}`, frame, out);
  });
}
