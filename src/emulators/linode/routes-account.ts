/** The account: events, profile, tokens, tags. */
import type { AccountEvent } from './events.ts';
import { Fields } from './fields.ts';
import { notFound } from './refused.ts';
import { type Call, does, idOf, list, type Route, route } from './routes.ts';
import { createTag, deleteTag, tagLabels, tagObjects } from './tags.ts';
import { parseScopes, tokenView } from './tokens.ts';

const EVENT = '/account/events/{id}';
const EVENT_FILTERS = ['id', 'action', 'created', 'entity.id', 'entity.type', 'read', 'seen'];

export const ACCOUNT_ROUTES: readonly Route[] = [
  route('GET', '/account', 'account:read_only', () => ACCOUNT),
  route('GET', '/account/settings', 'account:read_only', () => SETTINGS),
  // Newest first, as there.
  list('/account/events', 'events:read_only', EVENT_FILTERS, ({ account }) =>
    account.events
      .all()
      .map((each) => account.events.view(each))
      .toReversed(),
  ),
  route('GET', EVENT, 'events:read_only', (call) => call.account.events.view(event(call))),
  route('POST', `${EVENT}/seen`, 'events:read_only', (call) => mark(call, 'seen')),
  route('POST', `${EVENT}/read`, 'events:read_only', (call) => mark(call, 'read')),
  route('GET', '/profile', 'any', () => PROFILE),
  // An unrestricted user has none: 204.
  route('GET', '/profile/grants', 'any', () => null),
  list('/profile/tokens', 'account:read_only', ['id', 'label', 'scopes', 'created', 'expiry'], ({ account }) =>
    account.tokens.list().map((each) => tokenView(each, false)),
  ),
  route('POST', '/profile/tokens', 'account:read_write', createToken),
  route('GET', '/profile/tokens/{id}', 'account:read_only', (call) => tokenView(token(call), false)),
  route('DELETE', '/profile/tokens/{id}', 'account:read_write', (call) => {
    if (!call.account.tokens.remove(idOf(call))) throw notFound();
    return {};
  }),
  list('/tags', 'account:read_only', ['label'], ({ account }) => tagLabels(account).map((label) => ({ label }))),
  route('POST', '/tags', 'account:read_write', ({ account, body }) => createTag(account, body)),
  list('/tags/{label}', 'account:read_only', [], ({ account, params }) => tagObjects(account, params['label'] ?? '')),
  route(
    'DELETE',
    '/tags/{label}',
    'account:read_write',
    does(({ account, params }) => deleteTag(account, params['label'] ?? '')),
  ),
];

const ACCOUNT = {
  active_promotions: [],
  active_since: '2024-01-01T00:00:00',
  address_1: '1 Example Street',
  address_2: '',
  balance: 0,
  balance_uninvoiced: 0,
  billing_source: 'akamai',
  capabilities: ['Linodes', 'NodeBalancers', 'Block Storage', 'Cloud Firewall', 'VPCs', 'Placement Group'],
  city: 'Example',
  company: 'Emulated',
  country: 'US',
  credit_card: { expiry: '12/2099', last_four: '0000' },
  email: 'emulated@example.com',
  euuid: 'E1AF5EEC-526F-487D-B317-EBEB34C87D71',
  first_name: 'Emulated',
  last_name: 'Account',
  phone: '',
  state: '',
  tax_id: '',
  zip: '00000',
};

const SETTINGS = {
  backups_enabled: false,
  longview_subscription: null,
  managed: false,
  network_helper: true,
  object_storage: 'disabled',
  interfaces_for_new_linodes: 'legacy_config_default_but_linode_allowed',
  maintenance_policy: 'linode/migrate',
};

const PROFILE = {
  authentication_type: 'password',
  authorized_keys: [],
  email: 'emulated@example.com',
  email_notifications: false,
  ip_whitelist_enabled: false,
  lish_auth_method: 'password_keys',
  referrals: { code: 'emulated', completed: 0, credit: 0, pending: 0, total: 0, url: 'https://www.example.com/?r=emulated' },
  restricted: false,
  timezone: 'UTC',
  two_factor_auth: false,
  uid: 1,
  username: 'emulated',
  verified_phone_number: null,
};

function event(call: Call): AccountEvent {
  const found = call.account.events.get(idOf(call));
  if (found === undefined) throw notFound();
  return found;
}

/** Up to this event, all are seen; only this one is read. */
function mark(call: Call, what: 'seen' | 'read'): Record<string, never> {
  const marked = event(call);
  if (what === 'read') marked.read = true;
  else for (const each of call.account.events.all()) if (each.id <= marked.id) each.seen = true;
  return {};
}

function token(call: Call) {
  const found = call.account.tokens.list().find((each) => each.id === idOf(call));
  if (found === undefined) throw notFound();
  return found;
}

function createToken({ account, body }: Call): Record<string, unknown> {
  const fields = new Fields(body);
  const label = fields.text('label', { min: 1, max: 100 }) ?? '';
  const scopes = parseScopes(fields.text('scopes') ?? '*');
  if (scopes === null) fields.fail('scopes', 'scopes is not valid');
  const expiry = fields.text('expiry', { pattern: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/, why: 'Must be a date and time in UTC without a zone' });
  fields.done();
  return tokenView(account.tokens.create(scopes ?? '', label, expiry === undefined ? undefined : Date.parse(`${expiry}Z`)), true);
}
