/** The emulators that `drover emulate` runs. */
export { startProxy } from '../emulators/proxy/proxy.ts';
export { startWeb } from '../emulators/web/web.ts';
