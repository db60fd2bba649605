/** Tags: texts on things, made by using them. */

import type { Account } from './account.ts';
import { balancerView } from './balancer-view.ts';
import { Fields } from './fields.ts';
import { notFound, refuse } from './refused.ts';

export function tagLabels(account: Account): string[] {
  const used = [...account.linodes.all(), ...account.balancers.all(), ...account.firewalls.all()].flatMap((each) => each.tags);
  return [...new Set([...account.bareTags, ...used])].toSorted();
}

export function tagObjects(account: Account, label: string): Record<string, unknown>[] {
  if (!tagLabels(account).includes(label)) throw notFound();
  const linodes = account.linodes.all().filter((each) => each.tags.includes(label));
  const balancers = account.balancers.all().filter((each) => each.tags.includes(label));
  return [
    ...linodes.map((each) => ({ type: 'linode', data: account.linodes.view(each) })),
    ...balancers.map((each) => ({ type: 'nodebalancer', data: balancerView(each) })),
  ];
}

export function createTag(account: Account, body: unknown): Record<string, unknown> {
  const fields = new Fields(body);
  fields.require('label');
  const label = fields.text('label', { min: 3, max: 50 }) ?? '';
  const linodes = (fields.wholes('linodes') ?? []).map((id) => account.linodes.find(id));
  const balancers = (fields.wholes('nodebalancers') ?? []).map((id) => account.balancers.find(id));
  if (linodes.includes(undefined)) fields.fail('linodes', 'linodes is not valid');
  if (balancers.includes(undefined)) fields.fail('nodebalancers', 'nodebalancers is not valid');
  fields.done();
  if (tagLabels(account).includes(label)) throw refuse('Tag already exists', 'label');
  account.bareTags.add(label);
  for (const each of linodes) {
    if (each === undefined) continue;
    each.tags = [...each.tags, label];
    account.linodes.changed(each);
  }
  for (const each of balancers) if (each !== undefined) each.tags = [...each.tags, label];
  return { label };
}

export function deleteTag(account: Account, label: string): void {
  if (!tagLabels(account).includes(label)) throw notFound();
  account.bareTags.delete(label);
  const without = (tags: readonly string[]) => tags.filter((tag) => tag !== label);
  for (const each of account.linodes.all()) {
    if (!each.tags.includes(label)) continue;
    each.tags = without(each.tags);
    account.linodes.changed(each);
  }
  for (const each of [...account.balancers.all(), ...account.firewalls.all()]) each.tags = without(each.tags);
}
