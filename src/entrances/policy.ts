/** `drover/policy`: what a policy is written against: the nouns, and the shape of a policy. */
export { z } from 'zod';
export * from '../core/model/model.ts';
export * from '../core/policies/policy.ts';
