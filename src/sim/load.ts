import type { LoadScenario } from './scenario.ts';

/** The load at a moment, by shape; `walked` is where a random walk has come to. Piecewise straight lines only: they are the same on every machine. */
export function loadAt(load: LoadScenario, atMs: number, walked: number): number {
  const { low, high, periodMs } = load;
  const phase = (atMs % periodMs) / periodMs;
  const between = (share: number): number => Math.round(low + (high - low) * share);
  switch (load.shape) {
    case 'constant':
      return between(0.6);
    case 'wave':
      return between(phase < 0.5 ? phase * 2 : 2 - phase * 2);
    case 'steps':
      return between([0.2, 0.9, 0.5, 0][Math.floor(phase * 4)] ?? 0);
    case 'ramp':
      return between(phase);
    case 'flash':
      return between(phase > 0.9 ? 1 : 0.1);
    case 'walk':
      return walked;
  }
}
