import pkg from '../../package.json' with { type: 'json' };

/** Version of this program, e.g. `0.1.0`. */
export const VERSION: string = pkg.version;
