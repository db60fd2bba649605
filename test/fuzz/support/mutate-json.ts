/** Changes to a JSON document that keep it nearly right: a value of another kind, a key gone, doubled or renamed, one level more. */
import type { Draw } from './draw.ts';
import { mutateText } from './mutate-text.ts';
import { DANGEROUS_KEYS, deep, oddText, oddValue } from './words.ts';

type Container = Record<string, unknown> | unknown[];

function isContainer(value: unknown): value is Container {
  return typeof value === 'object' && value !== null;
}

/** Every object and list in it. */
function containersIn(value: unknown, found: Container[] = []): Container[] {
  if (!isContainer(value)) return found;
  found.push(value);
  for (const inner of Object.values(value)) containersIn(inner, found);
  return found;
}

function setOwn(target: Container, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}

function changeIn(target: Container, draw: Draw): void {
  const keys = Object.keys(target);
  const key = keys.length === 0 ? '0' : draw.pick(keys);
  const value = Array.isArray(target) ? target[Number(key)] : target[key];
  switch (draw.below(8)) {
    case 0:
      if (Array.isArray(target)) target.splice(Number(key), 1);
      else delete target[key];
      return;
    case 1:
      if (Array.isArray(target)) for (let n = draw.pick([1, 2, 30]); n > 0; n--) target.push(structuredClone(value));
      else setOwn(target, draw.oneIn(2) ? draw.pick(DANGEROUS_KEYS) : oddText(draw), value);
      return;
    case 2:
      setOwn(target, key, deep(draw, draw.pick([1, 2, 8, 40])));
      return;
    case 3:
      setOwn(target, key, [value]);
      return;
    case 4:
      if (typeof value === 'string') setOwn(target, key, mutateText(value, draw));
      else setOwn(target, key, JSON.stringify(value));
      return;
    default:
      setOwn(target, key, oddValue(draw));
  }
}

/** JSON.stringify says null for what JSON has no word for; some senders write it all the same. */
function written(value: unknown, draw: Draw): string {
  const text = JSON.stringify(value) ?? 'null';
  return draw.oneIn(20)
    ? text.replaceAll(/null|\b0\b/g, (found) => (draw.oneIn(3) ? draw.pick(['NaN', '1e400', '-0', 'Infinity', '9007199254740993']) : found))
    : text;
}

/** A changed copy. */
export function mutateValue<T>(value: T, draw: Draw, changes = 1 + draw.few(3)): unknown {
  const root = { value: structuredClone(value) as unknown };
  for (let n = changes; n > 0; n--) changeIn(draw.pick(draw.oneIn(12) ? [root] : containersIn(root)), draw);
  return root.value;
}

/** The text of a changed copy; now and then the text itself is changed too. */
export function mutateJson(value: unknown, draw: Draw): string {
  const text = written(mutateValue(value, draw), draw);
  return draw.oneIn(6) ? mutateText(text, draw) : text;
}
