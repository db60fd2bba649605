/** What can be bought and started: regions, types, kernels, images, StackScripts. */
import { availabilityOf, KERNELS, kernelView, pricesOf, REGIONS, regionView, TYPES, typeView } from './catalog.ts';
import { notFound } from './refused.ts';
import { does, idOf, list, type Route, route } from './routes.ts';

const NODEBALANCER_TYPES = [{ id: 'nodebalancer', label: 'NodeBalancer', ...pricesOf(0.015, 10), transfer: 0 }];

export const CATALOG_ROUTES: readonly Route[] = [
  list('/regions', 'public', ['id', 'label', 'country', 'status', 'site_type'], () => REGIONS.map(regionView)),
  list('/regions/availability', 'public', ['region', 'plan', 'available'], () => REGIONS.flatMap((region) => availabilityOf(region.id))),
  route('GET', '/regions/{id}', 'public', ({ params }) => regionView(found(REGIONS.find((each) => each.id === params['id'])))),
  route('GET', '/regions/{id}/availability', 'public', ({ params }) => availabilityOf(found(REGIONS.find((each) => each.id === params['id'])).id)),
  list('/linode/types', 'public', ['label', 'disk', 'class', 'network_out', 'memory', 'transfer', 'vcpus', 'gpus'], () => TYPES.map(typeView)),
  route('GET', '/linode/types/{id}', 'public', ({ params }) => typeView(found(TYPES.find((each) => each.id === params['id'])))),
  list('/linode/kernels', 'public', ['id', 'label', 'version', 'kvm', 'architecture', 'pvops', 'deprecated', 'built'], () => KERNELS.map(kernelView)),
  route('GET', '/linode/kernels/{family}/{name}', 'public', ({ params }) =>
    kernelView(found(KERNELS.find((each) => each.id === `${params['family']}/${params['name']}`))),
  ),
  // As there, an id with its slash escaped is also one part.
  route('GET', '/linode/kernels/{id}', 'public', ({ params }) => kernelView(found(KERNELS.find((each) => each.id === params['id'])))),
  list('/nodebalancers/types', 'public', ['id', 'label'], () => NODEBALANCER_TYPES),
  list(
    '/images',
    'public',
    ['label', 'deprecated', 'is_public', 'size', 'type', 'vendor', 'status'],
    ({ account, token }) => account.images.all(token === null),
    'images',
  ),
  route('POST', '/images', 'images:read_write', ({ account, body }) => account.images.get(account.images.create(body).id)),
  ...['/images/{id}', '/images/{family}/{name}'].flatMap((path): Route[] => [
    route('GET', path, 'public', ({ account, params, token }) => found(account.images.all(token === null).find((each) => each['id'] === imageId(params)))),
    route('PUT', path, 'images:read_write', ({ account, params, body }) => account.images.update(imageId(params), body)),
    route(
      'DELETE',
      path,
      'images:read_write',
      does(({ account, params }) => account.images.delete(imageId(params))),
    ),
  ]),
  list(
    '/linode/stackscripts',
    'stackscripts:read_only',
    ['label', 'description', 'deployments_total', 'is_public', 'rev_note', 'mine'],
    ({ account }) => account.stackscripts.all().map((each) => account.stackscripts.view(each)),
    'stackscripts',
  ),
  route('POST', '/linode/stackscripts', 'stackscripts:read_write', ({ account, body }) => account.stackscripts.view(account.stackscripts.create(body))),
  route('GET', '/linode/stackscripts/{id}', 'stackscripts:read_only', (call) => call.account.stackscripts.view(call.account.stackscripts.get(idOf(call)))),
  route('PUT', '/linode/stackscripts/{id}', 'stackscripts:read_write', (call) =>
    call.account.stackscripts.view(call.account.stackscripts.update(idOf(call), call.body)),
  ),
  route(
    'DELETE',
    '/linode/stackscripts/{id}',
    'stackscripts:read_write',
    does((call) => call.account.stackscripts.delete(idOf(call))),
  ),
];

function imageId(params: Readonly<Record<string, string>>): string {
  return params['id'] ?? `${params['family']}/${params['name']}`;
}

function found<T>(value: T | undefined): T {
  if (value === undefined) throw notFound();
  return value;
}
