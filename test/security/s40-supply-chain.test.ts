import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

interface Locked {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly hasInstallScript?: boolean;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly link?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}
const root = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');
const pkg = JSON.parse(read('package.json')) as Record<string, unknown> & {
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly scripts: Record<string, string>;
};
const lock = JSON.parse(read('package-lock.json')) as { readonly lockfileVersion: number; readonly packages: Readonly<Record<string, Locked>> };
const packages = Object.entries(lock.packages).filter(([path]) => path !== '');

/**
 * What is published is one bundle without dependencies (ruling 5), so the counts of the row hold for the tree that builds it. How old a version is, an SBOM and the
 * provenance of a release are matters of publishing, which is not done from here yet.
 */
describe('S40 what the product is made of', () => {
  it('the package brings no dependency and runs nothing when it is installed', () => {
    for (const key of ['dependencies', 'optionalDependencies', 'peerDependencies', 'bundleDependencies']) expect(pkg).not.toHaveProperty(key);
    expect(Object.keys(pkg.scripts).filter((name) => /^(pre|post)?install$|^prepare$|^dependencies$/.test(name))).toEqual([]);
  });

  it('every development dependency is pinned to one version, and the lock file has that one', () => {
    for (const [name, version] of Object.entries(pkg.devDependencies)) {
      expect(version, name).toMatch(/^\d+\.\d+\.\d+$/);
      expect(lock.packages[`node_modules/${name}`]?.version, name).toBe(version);
    }
    expect(lock.packages['']?.devDependencies).toEqual(pkg.devDependencies);
    expect(lock.lockfileVersion).toBe(3);
  });

  /** Native parts of development tools for other platforms are only named (tools/complete-lock.mjs): their hash is known where they are installed. */
  it('every package of the tree is fixed by the hash of its contents, and comes from no address of its own', () => {
    expect(packages.length).toBeGreaterThan(50);
    for (const [path, entry] of packages) {
      const foreign = entry.optional === true && entry.dev === true && entry.os !== undefined;
      if (!foreign || entry.integrity !== undefined) expect(entry.integrity, path).toMatch(/^sha512-[A-Za-z0-9+/]{86}==$/);
      expect(entry.version, path).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/);
      expect(entry.link, path).toBeUndefined();
      expect(entry.resolved, path).toBeUndefined();
      for (const [name, range] of Object.entries(entry.dependencies ?? {})) expect(range, `${path} → ${name}`).not.toMatch(/^(git|http|file|github|\w+\/)/);
    }
  });

  /** Allowed: `esbuild` checks its own binary; it works without. `fsevents` is for macOS alone. */
  it('no package runs a script when it is installed, but those that are named here', () => {
    const scripts = packages.filter(([, entry]) => entry.hasInstallScript).map(([path]) => path.replace(/^.*node_modules\//, ''));
    expect(scripts.filter((name) => !['esbuild', 'fsevents'].includes(name))).toEqual([]);
  });

  it('the installation runs none of them, and takes the lock file as it is', () => {
    const installs = read('tools/launch/dependencies.mjs') + read('tools/launch/npm.mjs');
    expect(installs).toMatch(/['"]ci['"]/);
    expect(installs).toContain('--ignore-scripts');
  });

  it('what gets into the bundle is few enough to be known by name', () => {
    const bundled = ['cli-table3', 'commander', 'croner', 'fastify', 'jsep', 'kysely', 'nodemailer', 'pino', 'prom-client', 'undici', 'yaml', 'zod'];
    expect(bundled.length).toBeLessThanOrEqual(15);
    const all = new Set<string>();
    const follow = (from: string, name: string): void => {
      for (let base = from; ; base = base.replace(/(^|\/)node_modules\/(@[^/]+\/)?[^/]+$/, '')) {
        const path = `${base === '' ? '' : `${base}/`}node_modules/${name}`;
        const entry = lock.packages[path];
        if (entry !== undefined) {
          if (all.has(path)) return;
          all.add(path);
          for (const next of Object.keys(entry.dependencies ?? {})) follow(path, next);
          return;
        }
        if (base === '') throw new Error(`${name} of ${from} is not in the lock file`);
      }
    };
    for (const name of bundled) follow('', name);
    expect(all.size, [...all].join(' ')).toBeLessThanOrEqual(80);
    // Everything else that is depended on directly is for building and checking.
    const checking = [
      '@biomejs/biome',
      '@linode/api-v4',
      '@types/node',
      '@types/nodemailer',
      'ajv',
      'esbuild',
      'fast-check',
      'oxlint',
      'oxlint-tsgolint',
      'typescript',
      'vitest',
    ];
    expect(Object.keys(pkg.devDependencies).sort()).toEqual([...bundled, ...checking].sort());
  });

  it('the Node that runs everything is pinned by hash for every platform', () => {
    const pins = JSON.stringify(JSON.parse(read('tools/node.json')));
    expect(pins).toMatch(/"version":"?24\.\d+\.\d+|24\.\d+\.\d+/);
    expect(pins).toMatch(/sha\d{3}|integrity/i);
  });
});
