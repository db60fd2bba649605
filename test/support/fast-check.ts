/** Properties draw from one seed, so that a run of the checks can be repeated; FC_SEED draws others, to go looking. */
import fc from 'fast-check';

fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(process.env['FC_SEED'] ?? 20261122) });
