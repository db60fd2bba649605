/** Public images of the catalogue, and private ones made from a disk. */

import type { FirstBoot } from '../machines/machines.ts';
import { CATALOG_TIME, IMAGES } from './catalog.ts';
import { Fields, readTags } from './fields.ts';
import type { PrivateImage, Surroundings } from './model.ts';
import { notFound, refuse } from './refused.ts';
import { timeText } from './times.ts';

/** Time until a private image can be used, ms, divided by the time factor. */
const CAPTURE_MS = 10_000;

export class Images {
  readonly #account: Surroundings;
  readonly #private = new Map<string, PrivateImage>();

  constructor(account: Surroundings) {
    this.#account = account;
  }

  has(id: string): boolean {
    return this.#private.has(id) || IMAGES.some((image) => image.id === id);
  }

  /** Null: a public one, or none. */
  privateOf(id: string): PrivateImage | null {
    return this.#private.get(id) ?? null;
  }

  hasCloudInit(id: string): boolean {
    return this.#private.get(id)?.cloudInit ?? IMAGES.find((image) => image.id === id)?.cloudInit ?? false;
  }

  isReady(image: PrivateImage): boolean {
    return this.#account.now() - image.createdMs >= this.#account.scaled(CAPTURE_MS);
  }

  create(body: unknown): PrivateImage {
    const fields = new Fields(body);
    fields.require('disk_id');
    const diskId = fields.whole('disk_id');
    const label = fields.text('label', { min: 1, max: 50 });
    const description = fields.text('description', { min: 1, max: 65_000 });
    const cloudInit = fields.flag('cloud_init') ?? false;
    const tags = readTags(fields) ?? [];
    fields.done();
    const source = this.#account.linodes.all().find((linode) => linode.diskIds[0] === diskId);
    if (source === undefined) throw refuse('disk_id is not valid', 'disk_id');
    const nowMs = this.#account.now();
    const id = `private/${this.#account.ids.next('image', 30_000_001)}`;
    const image: PrivateImage = {
      id,
      label: label ?? `Image of ${source.label}`,
      description: description ?? null,
      tags,
      cloudInit: cloudInit || (source.image !== null && this.hasCloudInit(source.image)),
      sizeMb: 1500,
      region: source.region,
      sourceId: source.id,
      firstBoot: bakedIn(source.firstBoot),
      createdMs: nowMs,
      updatedMs: nowMs,
    };
    this.#private.set(id, image);
    this.#account.linodes.note('disk_imagize', source);
    return image;
  }

  get(id: string): Record<string, unknown> {
    const found = this.all().find((view) => view['id'] === id);
    if (found === undefined) throw notFound();
    return found;
  }

  update(id: string, body: unknown): Record<string, unknown> {
    const image = this.#mine(id);
    const fields = new Fields(body);
    const label = fields.text('label', { min: 1, max: 50 });
    const description = fields.text('description', { min: 1, max: 65_000 });
    const tags = readTags(fields);
    fields.done();
    Object.assign(image, { label: label ?? image.label, description: description ?? image.description, tags: tags ?? image.tags });
    image.updatedMs = this.#account.now();
    return this.get(id);
  }

  delete(id: string): void {
    this.#mine(id);
    this.#private.delete(id);
  }

  /** Public ones only without a token. */
  all(publicOnly = false): Record<string, unknown>[] {
    const mine = publicOnly ? [] : [...this.#private.values()].map((image) => this.#privateView(image));
    return [...IMAGES.map(publicView), ...mine];
  }

  #mine(id: string): PrivateImage {
    const image = this.#private.get(id);
    if (image === undefined) throw notFound();
    return image;
  }

  #privateView(image: PrivateImage): Record<string, unknown> {
    const ready = this.isReady(image);
    return {
      id: image.id,
      label: image.label,
      description: image.description,
      tags: image.tags,
      capabilities: image.cloudInit ? ['cloud-init'] : [],
      created: timeText(image.createdMs),
      updated: timeText(image.updatedMs),
      created_by: 'emulated',
      deprecated: false,
      eol: null,
      expiry: null,
      is_public: false,
      regions: [{ region: image.region, status: ready ? 'available' : 'creating' }],
      size: ready ? image.sizeMb : 0,
      total_size: ready ? image.sizeMb : 0,
      status: ready ? 'available' : 'creating',
      type: 'manual',
      vendor: null,
    };
  }
}

function publicView({ id, label, vendor, sizeMb, cloudInit }: (typeof IMAGES)[number]): Record<string, unknown> {
  return {
    id,
    label,
    description: null,
    tags: [],
    capabilities: cloudInit ? ['cloud-init', 'distributed-sites'] : [],
    created: CATALOG_TIME,
    updated: CATALOG_TIME,
    created_by: 'linode',
    deprecated: false,
    eol: null,
    expiry: null,
    is_public: true,
    regions: [],
    size: sizeMb,
    total_size: sizeMb,
    status: 'available',
    type: 'manual',
    vendor,
  };
}

function bakedIn({ script, userData, env }: FirstBoot): FirstBoot {
  return { userData: null, script: script ?? (userData?.startsWith('#!') === true ? userData : null), env };
}
