/** Placement groups: kept and counted, without hosts that machines could share. */

import { REGIONS } from './catalog.ts';
import { Fields } from './fields.ts';
import type { Linode, PlacementGroup, Surroundings } from './model.ts';
import { notFound, refuse } from './refused.ts';

/** As the regions of the catalogue say. */
const MAX_MEMBERS = 10;

export class PlacementGroups {
  readonly #account: Surroundings;
  readonly #groups = new Map<number, PlacementGroup>();

  constructor(account: Surroundings) {
    this.#account = account;
  }

  all(): PlacementGroup[] {
    return [...this.#groups.values()];
  }

  get(id: number): PlacementGroup {
    const group = this.#groups.get(id);
    if (group === undefined) throw notFound();
    return group;
  }

  create(body: unknown): PlacementGroup {
    const fields = new Fields(body);
    fields.require('label', 'region', 'placement_group_type', 'placement_group_policy');
    const label = fields.text('label', { min: 1, max: 64 });
    const region = fields.text('region');
    fields.text('placement_group_type', { oneOf: ['anti_affinity:local'] });
    const policy = fields.text('placement_group_policy', { oneOf: ['strict', 'flexible'] });
    if (region !== undefined && !REGIONS.some((each) => each.id === region)) fields.fail('region', 'region is not valid');
    fields.done();
    const id = this.#account.ids.next('placement_group', 5001);
    const group: PlacementGroup = { id, label: label ?? '', region: region ?? '', policy: policy === 'strict' ? 'strict' : 'flexible' };
    this.#groups.set(id, group);
    return group;
  }

  update(id: number, body: unknown): PlacementGroup {
    const group = this.get(id);
    const fields = new Fields(body);
    const label = fields.text('label', { min: 1, max: 64 });
    fields.done();
    group.label = label ?? group.label;
    return group;
  }

  delete(id: number): void {
    const group = this.get(id);
    if (this.#members(group).length > 0) throw refuse('The placement group has Linodes assigned to it');
    this.#groups.delete(id);
  }

  /** Why a Linode of this region cannot join, or null. */
  refusal(id: number, region: string): string | null {
    const group = this.#groups.get(id);
    if (group === undefined) return 'placement_group.id is not valid';
    if (group.region !== region) return 'The placement group is in another region';
    return this.#members(group).length >= MAX_MEMBERS ? `A placement group has at most ${MAX_MEMBERS} Linodes` : null;
  }

  assign(id: number, body: unknown, join: boolean): PlacementGroup {
    const group = this.get(id);
    const fields = new Fields(body);
    fields.require('linodes');
    const ids = fields.wholes('linodes') ?? [];
    const linodes = ids.map((each) => this.#account.linodes.find(each));
    if (linodes.includes(undefined)) fields.fail('linodes', 'linodes is not valid');
    if (join && ids.length > 0) {
      const why = this.refusal(id, linodes[0]?.region ?? '');
      if (why !== null) fields.fail('linodes', why);
    }
    fields.done();
    for (const linode of linodes) {
      if (linode === undefined) continue;
      linode.placementGroupId = join ? id : null;
      this.#account.linodes.changed(linode);
    }
    return group;
  }

  view(group: PlacementGroup): Record<string, unknown> {
    const members = this.#members(group).map((linode) => ({ linode_id: linode.id, is_compliant: true }));
    return {
      id: group.id,
      label: group.label,
      region: group.region,
      placement_group_type: 'anti_affinity:local',
      placement_group_policy: group.policy,
      is_compliant: true,
      members,
      migrations: { inbound: [], outbound: [] },
    };
  }

  #members(group: PlacementGroup): Linode[] {
    return this.#account.linodes.all().filter((linode) => linode.placementGroupId === group.id);
  }
}
