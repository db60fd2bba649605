import { ABSENCE } from './absence.ts';
import { CALLING } from './calling.ts';
import { CREATING } from './creating.ts';
import { DECIDING } from './deciding.ts';
import { DESTROYING } from './destroying.ts';
import { FENCING } from './fencing.ts';
import type { Mutant } from './mutant.ts';
import { OUTSIDE } from './outside.ts';

/** Every planted bug, in the order of the table. */
export const MUTANTS: readonly Mutant[] = [...CREATING, ...ABSENCE, ...DESTROYING, ...DECIDING, ...FENCING, ...CALLING, ...OUTSIDE];
