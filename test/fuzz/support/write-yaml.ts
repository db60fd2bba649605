/** YAML in the many ways people and programs write it, and in some nobody should. */
import type { Draw } from './draw.ts';

const PLAIN = /^[A-Za-z./][A-Za-z0-9_./%+@:-]*$/;
const TAGS = ['!!str ', '!!map ', '!!binary ', '!!js/function ', '!!js/undefined ', '!!python/object ', '!!timestamp ', '!!set ', '!!merge ', '!local ', '! '];

export interface Writing {
  readonly draw: Draw;
  /** Chance of what the loader refuses (tags, anchors, merges, doubled keys): one in so many values; 0 never. */
  readonly oddOneIn: number;
}

/** The document as text. */
export function writeYaml(value: unknown, writing: Writing): string {
  if (typeof value !== 'object' || value === null || Object.keys(value).length === 0) return `${scalar(value, writing)}\n`;
  return `${block(value, 0, writing).join('\n')}\n`;
}

function block(value: object, indent: number, writing: Writing): string[] {
  const { draw, oddOneIn } = writing;
  const pad = ' '.repeat(indent);
  const lines: string[] = [];
  const put = (lead: string, inner: unknown): void => {
    const odd = oddOneIn > 0 && draw.oneIn(oddOneIn) ? oddPrefix(draw) : '';
    const nested = typeof inner === 'object' && inner !== null && Object.keys(inner).length > 0;
    if (nested && !odd && !draw.oneIn(2)) {
      lines.push(pad + lead.trimEnd(), ...block(inner, indent + draw.pick([2, 2, 2, 4, 1]), writing));
    } else lines.push(`${pad}${lead}${odd}${flow(inner, writing)}${draw.oneIn(12) ? ' # a comment' : ''}`);
  };
  if (Array.isArray(value)) for (const item of value) put('- ', item);
  else {
    for (const [key, inner] of Object.entries(value)) {
      put(`${scalar(key, writing)}: `, inner);
      if (oddOneIn > 0 && draw.oneIn(oddOneIn * 2)) put(draw.pick(['<<: ', `${scalar(key, writing)}: `, '? ', '[a]: ', '__proto__: ', '*a : ']), inner);
    }
  }
  return lines;
}

function oddPrefix(draw: Draw): string {
  return draw.pick(['&a ', '&a ', '*a ', '*a ', '*b ', draw.pick(TAGS), draw.pick(TAGS), '| ', '>- ', '@', '\t', '- ', '? ', '%']);
}

function flow(value: unknown, writing: Writing): string {
  if (Array.isArray(value)) return `[${value.map((item) => flow(item, writing)).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return scalar(value, writing);
  const entries = Object.entries(value).map(([key, inner]) => `${scalar(key, writing)}: ${flow(inner, writing)}`);
  return `{ ${entries.join(', ')} }`;
}

function scalar(value: unknown, { draw }: Writing): string {
  if (value === null || value === undefined) return draw.pick(['null', '~', '']);
  if (typeof value === 'number') return Number.isNaN(value) ? '.nan' : Number.isFinite(value) ? String(value) : value > 0 ? '.inf' : '-.inf';
  if (typeof value !== 'string') return typeof value === 'boolean' ? String(value) : JSON.stringify(value);
  if (PLAIN.test(value) && !/^(true|false|null|yes|no)$/i.test(value) && !draw.oneIn(8)) return value;
  return draw.oneIn(4) && !value.includes('\n') ? `'${value.replaceAll("'", "''")}'` : JSON.stringify(value);
}
