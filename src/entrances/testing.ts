/** `drover/testing`: the contract each kind of driver has to keep, as test suites for vitest. */
export * from '../testing/alert-format-contract.ts';
export * from '../testing/balancer-contract.ts';
export * from '../testing/cloud-contract.ts';
export * from '../testing/hook-contract.ts';
export * from '../testing/notifier-contract.ts';
export * from '../testing/source-contract.ts';
