import { describe, expect, it } from 'vitest';
import { manifests } from '../../test/typo/manifests.ts';
import { GUARD_NOTES } from '../core/guard-notes.ts';
import { fieldIndex } from './field-index.ts';
import { describeField, fieldPaths, metaOf, suggestField } from './fields.ts';
import { jsonSchema } from './json-schema.ts';
import { defaultOf, isRequired } from './walk.ts';

describe('every field of the format', () => {
  it.each(fieldIndex().map((f) => [f.path.join('.'), f] as const))(
    '%s has a description, an example, and a default or says what its absence means',
    (_, field) => {
      const meta = metaOf(field.schema);
      expect(meta['description']).toMatch(/^.{9}/s);
      // Parts taken over from the core (times of a freeze) have their examples in the description.
      const own = !field.path.includes('freezes') || field.path[field.path.length - 1] === 'freezes';
      if (own) expect(meta['examples']).toHaveLength(1);
      const known = isRequired(field.schema) || defaultOf(field.schema) !== undefined || field.schema.safeParse(undefined).success;
      expect(known).toBe(true);
    },
  );

  it('its examples are accepted', () => {
    const shown = fieldIndex().filter(
      (f) => Array.isArray(metaOf(f.schema)['examples']) && !f.path.includes('hooks') && f.path[f.path.length - 1] !== 'groups',
    );
    expect(shown.length).toBeGreaterThan(100);
    for (const field of shown) {
      const [example] = metaOf(field.schema)['examples'] as unknown[];
      const result = field.schema.safeParse(example);
      expect(result.error?.issues.map((i) => i.message) ?? [], `${field.path.join('.')} ← ${JSON.stringify(example)}`).toEqual([]);
    }
  });
});

describe('explain', () => {
  it('finds a field by its end, by its whole path, and with a real group name', () => {
    for (const path of ['limits.scale_in.after_quiet', 'groups.*.limits.scale_in.after_quiet', 'groups.web.limits.scale_in.after_quiet', 'after_quiet']) {
      expect(describeField(path, manifests)).toMatchObject({
        path: 'groups.*.limits.scale_in.after_quiet',
        default: '5m',
        type: expect.stringContaining('duration'),
        required: false,
      });
    }
    expect(describeField('max', manifests)).toMatchObject({ path: 'groups.*.max', required: true, example: 10 });
    expect(describeField('mode', manifests)?.values).toEqual(['act', 'observe']);
    expect(describeField('limits', manifests)?.fields.map((f) => f.name)).toContain('collapse_guard');
  });

  it('tells what is required from what is one of several forms', () => {
    for (const form of ['bearer', 'basic', 'hmac']) {
      expect(describeField(`receivers.*.auth.${form}`, manifests), form).toMatchObject({ required: true, oneOf: ['bearer', 'basic', 'hmac'] });
    }
    expect(describeField('groups.web.metrics.rps.if_missing.floor', manifests)?.oneOf).toEqual(['floor', 'last', 'use']);
    expect(describeField('receivers.*.auth.hmac.header', manifests)).toMatchObject({ required: false, oneOf: [] });
    expect(describeField('balancer.use', manifests)).toMatchObject({ required: true, oneOf: [] });
    expect(describeField('groups.web.max', manifests)?.oneOf).toEqual([]);
  });

  it('knows policies and drivers', () => {
    expect(describeField('policies.target', manifests)?.fields.map((f) => f.name)).toEqual(
      expect.arrayContaining(['metric', 'per_instance', 'target', 'tolerance']),
    );
    expect(describeField('policies.target.per_instance', manifests)?.description).toContain('Load one machine carries');
    expect(describeField('policies.step.steps.change', manifests)?.type).toContain('+2');
    expect(describeField('clouds.acme.location', manifests)).toMatchObject({ default: 'fsn1' });
    expect(describeField('template.local.command', manifests)).toMatchObject({ required: true });
    for (const path of fieldPaths(manifests)) expect(describeField(path.replaceAll('.#', '.0'), manifests), path).not.toBeNull();
  });

  it('knows every key that a decision may name', () => {
    const keys = Object.values(GUARD_NOTES).flatMap((n) => n?.keys ?? []);
    expect(keys.length).toBeGreaterThan(15);
    for (const key of keys) expect(describeField(key, manifests), key).not.toBeNull();
  });

  it('says nothing of what is not there, and suggests', () => {
    for (const path of ['', 'no.such.field', '__proto__', 'limits.__proto__', '.'.repeat(50)]) expect(describeField(path, manifests), path).toBeNull();
    expect(suggestField('limits.scale_in.after_quite', manifests)).toBe('limits.scale_in.after_quiet');
    expect(suggestField('colapse_guard', manifests)).toBe('collapse_guard');
  });
});

describe('the JSON Schema', () => {
  const schema = JSON.parse(JSON.stringify(jsonSchema(manifests))) as {
    $schema: string;
    definitions: Record<string, unknown>;
    properties: Record<string, unknown>;
  };

  it('is draft-07, and every reference in it leads somewhere', () => {
    expect(schema.$schema).toBe('http://json-schema.org/draft-07/schema#');
    const text = JSON.stringify(schema);
    for (const [, name] of text.matchAll(/"\$ref":"([^"]*)"/g)) {
      expect(name).toMatch(/^#\/definitions\/part\d+$/);
      expect(schema.definitions[name?.split('/').pop() ?? '']).toBeDefined();
    }
  });

  it('holds the options of drivers and policies', () => {
    const text = JSON.stringify(schema);
    for (const word of ['stop_timeout', 'per_instance', 'while_firing', 'freshness', '"const":"haproxy"', '"const":"schedule"']) expect(text).toContain(word);
    expect(Object.keys(schema.properties)).toEqual(expect.arrayContaining(['version', 'server', 'groups', 'prometheus']));
  });
});
