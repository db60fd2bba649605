/** Checks the body of a create call and makes a plan of it. */

import { gunzipSync } from 'node:zlib';
import type { FirstBoot } from '../machines/machines.ts';
import { type LinodeType, REGIONS, TYPES } from './catalog.ts';
import { Fields, readTags } from './fields.ts';
import { readInterfaces } from './linode-interfaces.ts';
import type { LinodePlan, Surroundings } from './model.ts';
import { allowsImage, fillUserFields } from './stackscripts.ts';

const LABEL = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/;
/** Encoded; the sentence of the vendor contradicts itself, this is its smaller number. */
const MAX_USER_DATA_CHARS = 16_384;
const MAX_USER_DATA_BYTES = 65_535;

export function readLabel(fields: Fields, account: Surroundings, ownId: number | null): string | undefined {
  const label = fields.text('label', {
    min: 3,
    max: 64,
    pattern: LABEL,
    why: 'Must begin and end with an alphanumeric character, and only contain letters, numbers, hyphens, underscores and periods',
  });
  if (label === undefined) return undefined;
  if (/--|__|\.\./.test(label)) fields.fail('label', 'Must not contain two hyphens, underscores or periods in a row');
  const taken = account.linodes.all().some((linode) => linode.label === label && linode.id !== ownId);
  if (taken) fields.fail('label', 'Label must be unique among your linodes');
  return label;
}

/** Throws Refused with every complaint. */
export function planLinode(account: Surroundings, body: unknown): LinodePlan {
  const fields = new Fields(body);
  fields.require('region', 'type');
  const region = readRegion(fields);
  const type = readType(fields);
  const label = readLabel(fields, account, null) ?? null;
  const tags = readTags(fields) ?? [];
  if (fields.has('backup_id')) fields.fail('backup_id', 'backup_id is not valid');
  const disk = readDisk(fields, account, region);
  const net = readInterfaces(fields, account, region);
  const firewallId = fields.whole('firewall_id') ?? net.firewallId;
  if (firewallId !== null && firewallId >= 0 && !account.firewalls.has(firewallId)) fields.fail('firewall_id', 'firewall_id is not valid');
  const placementGroupId = readPlacementGroup(fields, account, region);
  const plan: LinodePlan = {
    label,
    group: fields.text('group') ?? '',
    tags,
    region,
    type,
    ...disk,
    privateIp: fields.flag('private_ip') ?? false,
    vpc: net.vpc,
    isPublic: net.isPublic,
    generation: net.generation,
    // -1 asks for no firewall where the account has a default one.
    firewallId: firewallId !== null && firewallId >= 0 ? firewallId : null,
    placementGroupId,
    backupsEnabled: fields.flag('backups_enabled') ?? false,
    diskEncryption: fields.text('disk_encryption', { oneOf: ['enabled', 'disabled'] }) === 'disabled' ? 'disabled' : 'enabled',
    maintenancePolicy: fields.text('maintenance_policy', { oneOf: ['linode/migrate', 'linode/power_off_on'] }) ?? 'linode/migrate',
  };
  fields.whole('swap_size', 0, 100_000);
  if (plan.privateIp && plan.generation === 'linode') fields.fail('private_ip', 'Private IPs are not available with Linode interfaces');
  fields.done();
  return plan;
}

export interface DiskPlan {
  readonly image: string | null;
  readonly booted: boolean;
  readonly firstBoot: FirstBoot;
  readonly hasUserData: boolean;
  readonly stackscriptId: number | null;
}

/** What a create and a rebuild have in common: image, password or keys, first boot. */
export function readDisk(fields: Fields, account: Surroundings, region: string): DiskPlan {
  const image = readImage(fields, account, region);
  if (image !== null) checkAccess(fields);
  const userData = readUserData(fields, account, image, region);
  const baked = image === null ? undefined : account.images.privateOf(image)?.firstBoot;
  const { script, env, stackscriptId } = readStackScript(fields, account, image);
  return {
    image,
    booted: fields.flag('booted') ?? image !== null,
    firstBoot: { userData, script: script ?? baked?.script ?? null, env: script === null ? (baked?.env ?? {}) : env },
    hasUserData: userData !== null,
    stackscriptId,
  };
}

function readRegion(fields: Fields): string {
  const region = fields.text('region') ?? '';
  if (fields.has('region') && !REGIONS.some((each) => each.id === region)) fields.fail('region', 'region is not valid');
  return region;
}

const NO_TYPE = TYPES[0] as LinodeType;

function readType(fields: Fields): LinodeType {
  const id = fields.text('type');
  const found = TYPES.find((each) => each.id === id);
  if (found === undefined && fields.has('type')) fields.fail('type', 'A valid plan type by that ID was not found');
  // Without a type there is a complaint, so the plan is never used.
  return found ?? NO_TYPE;
}

function readImage(fields: Fields, account: Surroundings, region: string): string | null {
  const image = fields.text('image') ?? null;
  if (image === null) return null;
  if (!account.images.has(image)) fields.fail('image', 'image is not valid');
  const mine = account.images.privateOf(image);
  if (mine !== null && !account.images.isReady(mine)) fields.fail('image', 'The image is not yet available');
  if (mine !== null && region !== '' && !REGIONS.some((each) => each.id === region)) fields.fail('image', 'The image is not available in this region');
  return image;
}

/** At least one way in. The password: 7 to 128 characters of at least two kinds. */
function checkAccess(fields: Fields): void {
  const keys = fields.texts('authorized_keys') ?? [];
  const users = fields.texts('authorized_users') ?? [];
  if (keys.some((key) => !/^(ssh-|ecdsa-|sk-)\S+ [A-Za-z0-9+/=]+/.test(key)))
    fields.fail('authorized_keys', 'SSH Key must be in the form of "type key comment"');
  if (!fields.has('root_pass')) {
    if (keys.length === 0 && users.length === 0) fields.reasons.push({ reason: 'Must provide valid root_pass, authorized_keys, or authorized_users' });
    return;
  }
  const password = fields.text('root_pass', { min: 7, max: 128 });
  const kinds = [/[a-z]/, /[A-Z]/, /\d/, /[^A-Za-z0-9]/].filter((kind) => password !== undefined && kind.test(password)).length;
  if (password !== undefined && kinds < 2) fields.fail('root_pass', 'Password does not meet strength requirement');
}

function readUserData(fields: Fields, account: Surroundings, image: string | null, region: string): string | null {
  const encoded = fields.object('metadata')?.text('user_data') ?? null;
  if (encoded === null || encoded === '') return null;
  const field = 'metadata.user_data';
  const bytes = Buffer.from(encoded, 'base64');
  if (!/^[A-Za-z0-9+/\s]+={0,2}\s*$/.test(encoded)) fields.fail(field, 'Must be Base64-encoded');
  if (encoded.length > MAX_USER_DATA_CHARS || bytes.length > MAX_USER_DATA_BYTES) {
    fields.fail(field, `Must not exceed ${MAX_USER_DATA_CHARS} characters once encoded`);
    return null;
  }
  if (image === null || (account.images.has(image) && !account.images.hasCloudInit(image))) fields.fail(field, 'The image does not support cloud-init');
  const known = REGIONS.find((each) => each.id === region);
  if (known !== undefined && !known.capabilities.includes('Metadata')) fields.fail(field, 'Metadata is not available in this region');
  return textOf(fields, bytes);
}

/** cloud-init takes it compressed too. */
function textOf(fields: Fields, bytes: Buffer): string {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes.toString('utf8');
  try {
    return gunzipSync(bytes, { maxOutputLength: 1024 * 1024 }).toString('utf8');
  } catch {
    fields.fail('metadata.user_data', 'Must be well compressed, and at most 1 MiB without compression');
    return '';
  }
}

function readStackScript(fields: Fields, account: Surroundings, image: string | null) {
  const none = { script: null, env: {}, stackscriptId: null };
  const id = fields.whole('stackscript_id');
  if (id === undefined) return none;
  if (!account.stackscripts.has(id)) {
    fields.fail('stackscript_id', 'stackscript_id is not valid');
    return none;
  }
  const script = account.stackscripts.get(id);
  if (image === null || account.images.privateOf(image) !== null) fields.fail('stackscript_id', 'StackScripts can only be used with a public image');
  else if (!allowsImage(script, image)) fields.fail('image', 'The image is not valid for this StackScript');
  return { script: script.script, env: fillUserFields(script, fields), stackscriptId: id };
}

function readPlacementGroup(fields: Fields, account: Surroundings, region: string): number | null {
  const id = fields.object('placement_group')?.whole('id');
  if (id === undefined) return null;
  const why = account.placementGroups.refusal(id, region);
  if (why !== null) fields.fail('placement_group.id', why);
  return id;
}
