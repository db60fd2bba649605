const EVERY_MS = 50;

/** Asks again until it fits. */
export async function until(what: string, fits: () => Promise<boolean> | boolean, limitMs: number): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!(await fits())) {
    if (performance.now() > endMs) throw new Error(`waited ${limitMs / 1000} s for ${what}`);
    await new Promise((done) => setTimeout(done, EVERY_MS));
  }
}
