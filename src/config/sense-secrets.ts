import { secretReferences } from './secret-references.ts';
import type { Sense } from './sense.ts';

/** Files of secrets and names of kept ones are looked at where the caller can look: what is wrong with them would come out only when they are needed. */
export function checkSecrets(s: Sense): void {
  const { fileExists, everyoneReads, root } = s.input;
  const state = s.text(['server', 'state']);
  const kept = state === null ? null : (s.input.keptSecrets?.(state) ?? null);
  for (const { ref, span } of secretReferences(root)) {
    if ('secret' in ref && kept !== null && !kept.includes(ref.secret)) {
      const shown = ref.secret.slice(0, 64);
      s.tell('W0205', span, {
        message: `the secret \`${shown}\` is not set`,
        label: 'nothing is kept under this name',
        help: `run: drover secret set ${shown}`,
      });
    }
    if (!('file' in ref)) continue;
    const shown = ref.file.slice(0, 200);
    if (fileExists !== null && !fileExists(ref.file)) {
      s.tell('W0205', span, {
        message: `the secret file \`${shown}\` is not there`,
        label: 'looked for relative to this file',
        help: 'make it readable for its owner only: (umask 077; … > FILE)',
      });
    } else if (everyoneReads?.(ref.file)) {
      s.tell('W0205', span, {
        message: `the secret file \`${shown}\` is readable by every user of this machine; it will be refused`,
        label: 'its mode is too open',
        help: `run: chmod o= ${shown}`,
      });
    }
  }
}
