import type { Json } from '../core/model/json.ts';

type Node = { [key: string]: Json };

/** Shorter pieces are clearer where they stand. */
const WORTH_SHARING = 250;

/** Moves schemas that occur more than once into `definitions`: the same schema, a tenth of the size. */
export function shareSchemas(root: Node): Node {
  const counts = new Map<string, number>();
  count(root, counts);
  const names = new Map<string, string>();
  const definitions: Node = {};
  const share = (node: Json): Json => {
    const text = isMap(node) ? JSON.stringify(node) : '';
    if (!isMap(node) || text.length < WORTH_SHARING || (counts.get(text) ?? 0) < 2) return inside(node, share);
    let name = names.get(text);
    if (name === undefined) {
      name = `part${names.size + 1}`;
      names.set(text, name);
      definitions[name] = inside(node, share);
    }
    return { $ref: `#/definitions/${name}` };
  };
  const shared = inside(root, share) as Node;
  return { ...shared, definitions };
}

function isMap(node: Json): node is Node {
  return node !== null && typeof node === 'object' && !Array.isArray(node);
}

function count(node: Json, counts: Map<string, number>): void {
  if (isMap(node)) {
    const text = JSON.stringify(node);
    if (text.length >= WORTH_SHARING) {
      const seen = (counts.get(text) ?? 0) + 1;
      counts.set(text, seen);
      if (seen > 1) return;
    }
  }
  inside(node, (below) => {
    count(below, counts);
    return below;
  });
}

/** Applies `change` to the schemas directly inside one: not to defaults, examples or other data. */
function inside(node: Json, change: (schema: Json) => Json): Json {
  if (!isMap(node)) return node;
  const out: Node = {};
  for (const [key, value] of Object.entries(node)) {
    if ((key === 'properties' || key === 'patternProperties') && isMap(value))
      out[key] = Object.fromEntries(Object.entries(value).map(([k, v]) => [k, change(v)]));
    else if ((key === 'anyOf' || key === 'oneOf' || key === 'allOf') && Array.isArray(value)) out[key] = value.map(change);
    else if (key === 'items' && Array.isArray(value)) out[key] = value.map(change);
    else if ((key === 'additionalProperties' || key === 'items' || key === 'propertyNames') && isMap(value)) out[key] = change(value);
    else out[key] = value;
  }
  return out;
}
