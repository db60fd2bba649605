/**
 * `drover/driver`: what a driver is written against. `z` is the schema library itself, so that an outside driver's schemas and ours are of
 * one make. Only what is exported here is kept stable.
 */
export { z } from 'zod';
export * from '../core/model/model.ts';
export * from '../ports/ports.ts';
