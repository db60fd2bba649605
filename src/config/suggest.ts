/** "Did you mean": finds the name somebody most likely wanted. */

/** Damerau-Levenshtein distance (adjacent swaps count one), given up above `limit`. */
export function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min((previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (previous[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, (before[j - 2] ?? 0) + 1);
      row.push(cost);
    }
    before = previous;
    previous = row;
  }
  return previous[b.length] ?? limit + 1;
}

/** `scaleIn`, `scale-in` and `Scale_In` are the same word. */
function normal(word: string): string {
  return word
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[-\s]/g, '_')
    .toLowerCase();
}

/** The nearest of `known`, or null when nothing is near. */
export function nearest(word: string, known: Iterable<string>): string | null {
  if (word.length === 0 || word.length > 100) return null;
  const asked = normal(word);
  const limit = asked.length <= 5 ? 1 : 2;
  let best: { name: string; score: number } | null = null;
  for (const name of known) {
    const candidate = normal(name);
    let score = distance(asked, candidate, limit);
    if (score > limit) {
      const shorter = Math.min(asked.length, candidate.length);
      if (shorter < 3 || !(candidate.startsWith(asked) || asked.startsWith(candidate))) continue;
      score = limit + 1 + Math.abs(asked.length - candidate.length) / 100;
    } else if (score > 0 && Math.max(asked.length, candidate.length) <= 2) continue;
    // Ties: the same first letter, then the same length.
    score += (asked[0] === candidate[0] ? 0 : 0.4) + (asked.length === candidate.length ? 0 : 0.2);
    if (best === null || score < best.score) best = { name, score };
  }
  return best?.name ?? null;
}

/** `a, b or c` */
export function listWords(words: readonly string[], most = 12): string {
  const shown = words.slice(0, most).map((w) => `\`${w}\``);
  if (words.length > most) return `${shown.join(', ')}, …`;
  if (shown.length < 2) return shown.join('');
  return `${shown.slice(0, -1).join(', ')} or ${shown[shown.length - 1]}`;
}
