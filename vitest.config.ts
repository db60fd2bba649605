import { availableParallelism } from 'node:os';
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

type Project = NonNullable<TestProjectInlineConfiguration['test']>;

// One project per part of `npm test` that has tests of its own; tools/parts.mjs says in which order they run. `unit` needs nothing but Node,
// `real` talks to real components of the machine, `e2e` runs the whole product.
const PROJECTS: readonly Project[] = [
  { name: 'tidy', include: ['test/tidy/**/*.test.ts'], testTimeout: 20_000 },
  { name: 'tools', include: ['tools/**/*.test.mjs'], testTimeout: 60_000, hookTimeout: 60_000 },
  {
    name: 'unit',
    setupFiles: ['test/support/fast-check.ts'],
    include: ['src/**/*.test.ts', 'test/regressions/**/*.test.ts'],
    exclude: ['**/*.real.test.ts'],
    testTimeout: 20_000,
    // Half of their time they wait for a socket, a timer or a child.
    maxWorkers: 2 * availableParallelism(),
  },
  { name: 'security', include: ['test/security/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 60_000 },
  { name: 'fuzz', include: ['test/fuzz/**/*.test.ts'], testTimeout: 600_000, hookTimeout: 60_000 },
  { name: 'sim', include: ['test/sim/**/*.test.ts'], testTimeout: 900_000, fileParallelism: false },
  { name: 'kill', include: ['test/kill/**/*.test.ts'], testTimeout: 900_000, hookTimeout: 120_000, fileParallelism: false },
  { name: 'real', include: ['src/**/*.real.test.ts'], testTimeout: 60_000, hookTimeout: 60_000 },
  {
    name: 'docs',
    include: ['test/docs/**/*.test.ts'],
    exclude: ['test/docs/pack.test.ts'],
    testTimeout: 300_000,
    hookTimeout: 120_000,
    fileParallelism: false,
  },
  { name: 'pack', include: ['test/docs/pack.test.ts'], testTimeout: 300_000, hookTimeout: 300_000 },
  { name: 'linode', include: ['test/linode/**/*.test.ts'], testTimeout: 300_000, hookTimeout: 180_000, fileParallelism: false },
  { name: 'e2e', include: ['test/e2e/**/*.test.ts'], testTimeout: 300_000, hookTimeout: 120_000 },
];

export default defineConfig({
  test: {
    // Vitest would leave one core free, which of two is half.
    maxWorkers: '100%',
    // One after the other: each with as many workers as it can stand.
    projects: PROJECTS.map((project, groupOrder) => ({ test: { ...project, sequence: { groupOrder } } })),
  },
});
