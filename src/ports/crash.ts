/**
 * Stands before and after every durable write and every external call. In production it does nothing;
 * tests kill the process (or the simulated one) here. Labels are unique, listed by the places that use them.
 */
export type Crash = (label: string) => void;
export const noCrash: Crash = () => {};
