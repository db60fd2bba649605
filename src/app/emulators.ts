/** The emulators that `drover emulate` runs. */
export { type LinodeOptions, type LinodeToken, type RunningLinode, startLinode } from '../emulators/linode/linode.ts';
export { canMakeNamespace, enterNamespace, whyNotHere } from '../emulators/machines/namespace.ts';
export { startProxy } from '../emulators/proxy/proxy.ts';
export { startWeb } from '../emulators/web/web.ts';
