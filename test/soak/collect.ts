/** Collects until nothing more goes and says what is left in the heap, bytes. Needs `node --expose-gc`. */
export function collect(): number {
  const { gc } = globalThis;
  if (gc === undefined) throw new Error('this program is started with node --expose-gc');
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 8; i++) {
    gc({ type: 'major', execution: 'sync' });
    const { heapUsed } = process.memoryUsage();
    if (heapUsed > least - 10_000) return Math.min(least, heapUsed);
    least = heapUsed;
  }
  return least;
}
