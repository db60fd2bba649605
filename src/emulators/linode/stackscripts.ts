/** StackScripts: scripts run at first boot, with fields that the caller fills. */

import { Fields } from './fields.ts';
import type { StackScript, Surroundings, UserField } from './model.ts';
import { notFound } from './refused.ts';
import { timeText } from './times.ts';

const MAX_SCRIPT_CHARS = 65_535;
/** `any/all`: every image. */
const ANY_IMAGE = 'any/all';

export class StackScripts {
  readonly #account: Surroundings;
  readonly #scripts = new Map<number, StackScript>();

  constructor(account: Surroundings) {
    this.#account = account;
  }

  all(): StackScript[] {
    return [...this.#scripts.values()];
  }

  get(id: number): StackScript {
    const found = this.#scripts.get(id);
    if (found === undefined) throw notFound();
    return found;
  }

  has(id: number): boolean {
    return this.#scripts.has(id);
  }

  create(body: unknown): StackScript {
    const fields = new Fields(body);
    fields.require('label', 'images', 'script');
    const read = this.#read(fields);
    fields.done();
    const nowMs = this.#account.now();
    const script: StackScript = {
      id: this.#account.ids.next('stackscript', 10_001),
      label: read.label ?? '',
      description: read.description ?? '',
      images: read.images ?? [],
      script: read.script ?? '',
      isPublic: read.isPublic ?? false,
      revNote: read.revNote ?? '',
      fields: parseUserFields(read.script ?? ''),
      deployments: 0,
      createdMs: nowMs,
      updatedMs: nowMs,
    };
    this.#scripts.set(script.id, script);
    this.#note('stackscript_create', script);
    return script;
  }

  update(id: number, body: unknown): StackScript {
    const script = this.get(id);
    const fields = new Fields(body);
    const read = this.#read(fields);
    fields.done();
    script.label = read.label ?? script.label;
    script.description = read.description ?? script.description;
    script.images = read.images ?? script.images;
    script.isPublic = read.isPublic ?? script.isPublic;
    script.revNote = read.revNote ?? script.revNote;
    if (read.script !== undefined) {
      script.script = read.script;
      script.fields = parseUserFields(read.script);
    }
    script.updatedMs = this.#account.now();
    this.#note('stackscript_update', script);
    return script;
  }

  delete(id: number): void {
    const script = this.get(id);
    this.#scripts.delete(id);
    this.#note('stackscript_delete', script);
  }

  view(script: StackScript): Record<string, unknown> {
    return {
      id: script.id,
      username: 'emulated',
      user_gravatar_id: 'd41d8cd98f00b204e9800998ecf8427e',
      label: script.label,
      description: script.description,
      images: script.images,
      is_public: script.isPublic,
      mine: true,
      rev_note: script.revNote,
      script: script.script,
      user_defined_fields: script.fields,
      deployments_total: script.deployments,
      deployments_active: this.#account.linodes.all().filter((linode) => linode.stackscriptId === script.id).length,
      created: timeText(script.createdMs),
      updated: timeText(script.updatedMs),
    };
  }

  #read(fields: Fields) {
    const images = fields.texts('images');
    for (const image of images ?? []) if (image !== ANY_IMAGE && !this.#account.images.has(image)) fields.fail('images', `${image} is not a valid image`);
    if (images?.length === 0) fields.fail('images', 'images is required');
    const script = fields.text('script', { min: 1, max: MAX_SCRIPT_CHARS });
    if (script !== undefined && !script.startsWith('#!')) fields.fail('script', 'Script must begin with a shebang (#!)');
    return {
      label: fields.text('label', { min: 3, max: 128 }),
      description: fields.text('description'),
      images,
      script,
      isPublic: fields.flag('is_public'),
      revNote: fields.text('rev_note'),
    };
  }

  #note(action: string, { id, label }: StackScript): void {
    this.#account.events.note(action, { id, label, type: 'stackscript', url: `/v4/linode/stackscripts/${id}` });
  }
}

/** `# <UDF name="port" label="Port" default="80" example="8080" oneOf="80,8080">` */
export function parseUserFields(script: string): UserField[] {
  return [...script.matchAll(/<UDF\s+([^>]*)>/gi)].flatMap(([, text = '']) => {
    const given = Object.fromEntries([...text.matchAll(/(\w+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g)].map(([, key = '', a, b]) => [key.toLowerCase(), a ?? b ?? '']));
    const { name, label = '', example = '' } = given;
    if (name === undefined) return [];
    return [
      {
        name,
        label,
        example,
        ...(given['default'] === undefined ? {} : { default: given['default'] }),
        ...(given['oneof'] === undefined ? {} : { oneOf: given['oneof'] }),
        ...(given['manyof'] === undefined ? {} : { manyOf: given['manyof'] }),
      },
    ];
  });
}

/** The environment of the script. Complaints go to `stackscript_data`. */
export function fillUserFields(script: StackScript, fields: Fields): Record<string, string> {
  const raw = fields.raw('stackscript_data') ?? {};
  if (typeof raw !== 'object' || Array.isArray(raw) || JSON.stringify(raw).length > 65_535) {
    fields.fail('stackscript_data', 'Must be an object of at most 65535 characters');
    return {};
  }
  const data = raw as Record<string, unknown>;
  const env: Record<string, string> = {};
  for (const field of script.fields) {
    const value = data[field.name] ?? field.default;
    if (value === undefined) {
      fields.fail(`stackscript_data[${field.name}]`, `${field.name} is required by the StackScript`);
      continue;
    }
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    const chosen = field.manyOf === undefined ? [text] : text.split(',');
    const allowed = (field.oneOf ?? field.manyOf)?.split(',').map((each) => each.trim());
    if (allowed !== undefined && !chosen.every((each) => allowed.includes(each.trim()))) {
      fields.fail(`stackscript_data[${field.name}]`, `Must be one of ${allowed.join(', ')}`);
    }
    env[field.name] = text;
  }
  return env;
}

export function allowsImage(script: StackScript, image: string): boolean {
  return script.images.includes(ANY_IMAGE) || script.images.includes(image);
}
