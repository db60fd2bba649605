import type { Frame } from './diagnostic.ts';
import { child, nodeAt, type Path, type YamlNode } from './tree.ts';

/** What telling a finding needs beside it. */
export interface Telling {
  readonly frame: Frame;
  /** The expanded file. */
  readonly root: YamlNode;
}

/** Type of the policy (or other typed map) at a path, as written. */
export function typeAt(root: YamlNode): (path: Path) => string | null {
  return (path) => {
    const type = child(nodeAt(root, path), 'type');
    return type?.kind === 'scalar' && typeof type.value === 'string' ? type.value : null;
  };
}
