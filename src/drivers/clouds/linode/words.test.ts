/** What is pure in the driver: options, labels, tags, addresses, discovery. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { discoveryTargets } from './discovery.ts';
import { manifest } from './driver.ts';
import { labelOf } from './label.ts';
import { addressKind } from './options.ts';
import { addressKindOf, installTag, ownerOf, ownerTags } from './owner-tags.ts';
import { linodeReply } from './replies.ts';
import { paidUntilMs, stateOf } from './translate.ts';

const secrets = { sha256: (text: string) => createHash('sha256').update(text).digest('hex') };
const owner = { install: 'f3a9c0d17b22', group: 'nginx', token: 'f3a9c0d17b22.nginx.12', instance: 'nginx-k3xc', templateId: '3f9c2a1b77aa' };

describe('labels', () => {
  it.each([
    ['nginx-k3xc', 'nginx', 'nginx'],
    ['nginx12', 'nginx', 'nginx'],
    ['nginx', 'nginx', 'nginx'],
    ['front-9b3e', 'web', 'front'],
    ['shop-web-9b3e', 'web', 'shop-web'],
    ['a--b-9b3e', 'web', 'a-b'],
    ['7up-1', 'x', 'up'],
    ['---', 'x', 'drover'],
    [`${'long'.repeat(12)}-1`, 'x', `${'long'.repeat(9)}lo`],
  ])('%s of %s begins with %s', (name, group, prefix) => {
    const label = labelOf(name, group, owner.token, secrets);
    expect(label).toMatch(new RegExp(`^${prefix}-[a-z0-9]{25}$`));
    expect(label.length).toBeLessThanOrEqual(64);
  });

  it('are the same for one launch and different for any other', () => {
    const of = (token: string) => labelOf('nginx-k3xc', 'nginx', token, secrets);
    expect(of('a.nginx.1')).toBe(of('a.nginx.1'));
    expect(new Set(Array.from({ length: 500 }, (_, i) => of(`a.nginx.${i}`))).size).toBe(500);
  });
});

describe('owner tags', () => {
  it('come back whole, in any order and among others, whatever their length', () => {
    const text = fc.string({ minLength: 1, maxLength: 120, unit: fc.constantFrom(...Array.from('abcXYZ019.-_ü😀=')) });
    fc.assert(
      fc.property(
        text,
        text,
        text,
        text,
        fc.string({ maxLength: 60, unit: 'grapheme-ascii' }),
        fc.infiniteStream(fc.nat()),
        (install, group, token, instance, templateId, dice) => {
          const given = { install, group, token, instance, templateId };
          const tags = ownerTags(given, 'private');
          const shuffled = [...tags, 'web', 'drover']
            .map((tag) => ({ tag, at: dice.next().value as number }))
            .sort((a, b) => a.at - b.at)
            .map(({ tag }) => tag);
          expect(ownerOf(shuffled)).toEqual(given);
          expect(addressKindOf(shuffled)).toBe('private');
          expect(tags).toContain(installTag(install));
          for (const tag of tags) {
            expect(Array.from(tag).length).toBeGreaterThanOrEqual(3);
            expect(Array.from(tag).length).toBeLessThanOrEqual(50);
          }
        },
      ),
    );
  });

  it('are nobody’s when one is missing', () => {
    const tags = ownerTags(owner, 'private');
    for (const gone of ['install', 'group', 'token', 'instance']) expect(ownerOf(tags.filter((tag) => !tag.startsWith(`drover:${gone}`)))).toBeNull();
    expect(ownerOf([])).toBeNull();
    expect(addressKindOf(['drover:address=moon'])).toBeNull();
  });

  it('that would be dozens are refused', () => {
    expect(() => ownerTags({ ...owner, group: 'x'.repeat(1000) }, 'public')).toThrow(/too long/);
  });
});

describe('options and template', () => {
  const base = { region: 'eu-central', type: 'g6-nanode-1', image: 'linode/debian12' };
  const refused = (over: object) => {
    const parsed = manifest.template.safeParse({ ...base, ...over });
    return parsed.success ? null : parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
  };

  it('has an address by what the machine has', () => {
    const kindOf = (over: object) => addressKind(manifest.template.parse({ ...base, ...over }));
    expect([kindOf({}), kindOf({ private_ip: true }), kindOf({ vpc: { subnet_id: 3 } }), kindOf({ private_ip: true, address: 'ipv6' })]).toEqual([
      'public',
      'private',
      'vpc',
      'ipv6',
    ]);
  });

  it.each([
    [{ address: 'private' }, 'address'],
    [{ address: 'vpc' }, 'address'],
    [{ vpc: { subnet_id: 1, public: false }, address: 'public' }, 'address'],
    [{ private_ip: true, interface_generation: 'linode' }, 'private_ip'],
    [{ root_pass: 'none' }, 'root_pass'],
    [{ user_data: 'a', user_data_file: 'b' }, 'user_data_file'],
    [{ user_data: 'ü'.repeat(6200) }, 'user_data'],
    [{ image: 'private/7', stackscript: { id: 1 } }, 'stackscript'],
    [{ image: 'debian12' }, 'image'],
    [{ tags: ['ab'] }, 'tags'],
    [{ tags: ['a,b'] }, 'tags'],
    [{ tags: ['drover:install=x'] }, 'tags'],
    [{ authorized_keys: ['not a key\nat all'] }, 'authorized_keys'],
    [{ size: 'small' }, 'size'],
  ])('%j is told', (over, field) => {
    expect(refused(over)).toContain(field);
  });

  it('takes what goes together', () => {
    for (const over of [{ root_pass: 'none', authorized_users: ['me'] }, { image: 'private/7', user_data: 'x' }, { root_pass: { file: './pass' } }])
      expect(refused(over), JSON.stringify(over)).toBeNull();
  });

  it('says how long its calls may take', () => {
    const can = manifest.abilities?.(manifest.options.parse({ token: { env: 'T' }, timeout: '5s', consistency: '3s', concurrency: 2 }));
    expect(can).toMatchObject({ idempotency: 'unique-name', callLimitMs: 25_000, consistencyMs: 3_000, concurrency: 2, zones: false, prices: true });
  });
});

describe('states', () => {
  it('a word that is not known proves nothing', () => {
    const words = ['running', 'offline', 'stopped', 'billing_suspension', 'deleting', 'provisioning', 'shutting_down', 'resizing', 'something new'];
    expect(words.map(stateOf)).toEqual(['running', 'stopped', 'stopped', 'stopped', 'deleting', 'pending', 'pending', 'pending', 'pending']);
  });

  it('hours are paid whole', () => {
    const hour = 3_600_000;
    expect([0, 1, hour, hour + 1].map((age) => paidUntilMs(5, 5 + age) - 5)).toEqual([hour, hour, hour, 2 * hour]);
  });
});

describe('discovery', () => {
  const linode = (over: object) =>
    linodeReply.parse({
      id: 7,
      label: 'web-1',
      status: 'running',
      created: '2026-01-02T03:04:05',
      region: 'us-east',
      type: 'g6-standard-2',
      image: 'linode/arch',
      group: '',
      ipv4: ['45.33.82.151', '96.126.108.16', '192.168.170.51', '192.168.201.25'],
      ipv6: '2600:3c03::f03c:92ff:fe1a:1382/128',
      tags: ['monitoring', 'web'],
      hypervisor: 'kvm',
      backups: { enabled: true },
      specs: { disk: 81920, memory: 4096, vcpus: 2, gpus: 0, transfer: 4000 },
      ...over,
    });
  const ips = [
    { address: '45.33.82.151', public: true, rdns: '45-33-82-151.example' },
    { address: '96.126.108.16', public: true, rdns: null },
    { address: '192.168.170.51', public: false, rdns: 'null' },
    { address: '192.168.201.25', public: false, rdns: null },
    { address: '2600:3c03::f03c:92ff:fe1a:1382', public: true, rdns: null },
  ];

  it('has the labels of linode_sd_configs', () => {
    const range = { range: '2600:3c03:e000::', prefix: 64, route_target: '2600:3c03::f03c:92ff:fe1a:1382' };
    expect(discoveryTargets([linode({})], ips, [range, { ...range, route_target: 'other' }], 80)).toEqual([
      {
        machineId: '7',
        target: '45.33.82.151:80',
        labels: {
          __meta_linode_instance_id: '7',
          __meta_linode_instance_label: 'web-1',
          __meta_linode_image: 'linode/arch',
          __meta_linode_private_ipv4: '192.168.170.51',
          __meta_linode_public_ipv4: '45.33.82.151',
          __meta_linode_public_ipv6: '2600:3c03::f03c:92ff:fe1a:1382',
          __meta_linode_private_ipv4_rdns: '',
          __meta_linode_public_ipv4_rdns: '45-33-82-151.example',
          __meta_linode_public_ipv6_rdns: '',
          __meta_linode_region: 'us-east',
          __meta_linode_type: 'g6-standard-2',
          __meta_linode_status: 'running',
          __meta_linode_group: '',
          __meta_linode_gpus: '0',
          __meta_linode_hypervisor: 'kvm',
          __meta_linode_backups: 'enabled',
          __meta_linode_specs_disk_bytes: '85899345920',
          __meta_linode_specs_memory_bytes: '4294967296',
          __meta_linode_specs_vcpus: '2',
          __meta_linode_specs_transfer_bytes: '4194304000',
          __meta_linode_tags: ',monitoring,web,',
          __meta_linode_extra_ips: ',96.126.108.16,192.168.201.25,',
          __meta_linode_ipv6_ranges: ',2600:3c03:e000::/64,',
        },
      },
    ]);
  });

  it('has no list where there is nothing, and leaves out what has no address', () => {
    const [bare] = discoveryTargets([linode({ tags: [], ipv4: ['45.33.82.151'], ipv6: null, backups: null, specs: null })], ips, [], 9100);
    expect(bare?.target).toBe('45.33.82.151:9100');
    for (const label of ['tags', 'extra_ips', 'ipv6_ranges']) expect(bare?.labels).not.toHaveProperty(`__meta_linode_${label}`);
    expect(bare?.labels).toMatchObject({ __meta_linode_public_ipv6: '', __meta_linode_backups: 'disabled' });
    expect(discoveryTargets([linode({ ipv4: [] })], ips, [], 80)).toEqual([]);
  });
});
