/** The rules of the house, one test each; and for each rule a proof that it can fail. */
import { describe, expect, it } from 'vitest';
import { noCycles } from './cycles.ts';
import { everyDriverRegistered, lightManifests, wholeDriverFolders } from './driver-folders.ts';
import { importTable } from './layers.ts';
import { everyTestRuns, meaningfulNames, namedExports, shortFiles } from './names.ts';
import { makeProject, type Rule, readProject, show } from './project.ts';
import { atHomeAnywhere, nothingToInstall, nothingUnfinished, wholeLock } from './texts.ts';
import { nodeOnlyInPlatform, plainArithmetic, worldThroughPorts } from './world.ts';

const RULES: readonly Rule[] = [
  importTable,
  noCycles,
  worldThroughPorts,
  nodeOnlyInPlatform,
  plainArithmetic,
  wholeDriverFolders,
  lightManifests,
  everyDriverRegistered,
  meaningfulNames,
  namedExports,
  shortFiles,
  everyTestRuns,
  nothingUnfinished,
  atHomeAnywhere,
  wholeLock,
  nothingToInstall,
];

const project = readProject();

describe('the project', () => {
  it('was read', () => {
    expect(project.files.map((file) => file.path)).toEqual(expect.arrayContaining(['package.json', 'src/ports/ports.ts', 'test/tidy/tidy.test.ts', '.ci/run']));
  });
  it.each(RULES.map((rule) => [rule.name, rule] as const))('%s', (_name, rule) => {
    expect(rule.check(project).map(show).join('\n')).toBe('');
  });
});

describe.each(RULES.map((rule) => [rule.name, rule] as const))('proof: %s', (_name, rule) => {
  it.each(Object.entries(rule.bad))('finds %s', (_case, files) => {
    expect(rule.check(makeProject(files))).not.toEqual([]);
  });
  it.each(Object.entries(rule.good))('leaves alone: %s', (_case, files) => {
    expect(rule.check(makeProject(files)).map(show)).toEqual([]);
  });
});
