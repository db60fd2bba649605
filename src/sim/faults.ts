/** Everything that can go wrong in the simulated world. `f`: its row in the fault catalogue; `per`: to calls of ports, or to the world by itself. */
export interface FaultClass {
  readonly f: string;
  readonly per: 'call' | 'step';
  /** Share of the throws that hit, relative to the strength drawn for the class: rare disasters stay rare. Default 1. */
  readonly rarity?: number;
}

export const FAULTS = {
  'create-before': { f: 'F1', per: 'call' },
  'create-after': { f: 'F2', per: 'call' },
  'create-late': { f: 'F3', per: 'call' },
  'create-stopped': { f: 'F4', per: 'call' },
  'never-healthy': { f: 'F5', per: 'call' },
  'create-refused': { f: 'F6', per: 'call' },
  'create-bad': { f: 'F7', per: 'call' },
  unauthorized: { f: 'F8', per: 'call' },
  throttled: { f: 'F9', per: 'call' },
  'list-empty': { f: 'F10', per: 'call' },
  'list-incomplete': { f: 'F11', per: 'call' },
  'list-doubled': { f: 'F11', per: 'call' },
  'list-missing': { f: 'F11', per: 'call' },
  'list-stale': { f: 'F12', per: 'call' },
  'shown-late': { f: 'F13', per: 'call' },
  'list-error': { f: 'F14', per: 'call' },
  'get-error': { f: 'F14', per: 'call' },
  'list-tombstones': { f: 'F15', per: 'call' },
  'id-reused': { f: 'F15', per: 'step', rarity: 0.3 },
  'delete-error': { f: 'F16', per: 'call' },
  'delete-after': { f: 'F16', per: 'call' },
  'delete-ignored': { f: 'F16', per: 'call' },
  'delete-slow': { f: 'F16', per: 'call' },
  'tags-lost': { f: 'F17', per: 'step', rarity: 0.2 },
  foreign: { f: 'F18', per: 'step', rarity: 0.3 },
  'machine-stops': { f: 'F18', per: 'step' },
  'list-stopped': { f: 'F19', per: 'call' },
  'machine-dies': { f: 'F19', per: 'step' },
  'zone-dies': { f: 'F19', per: 'step', rarity: 0.2 },
  'cloud-slow': { f: 'F20', per: 'call' },
  'lb-error': { f: 'F21', per: 'call' },
  'lb-after': { f: 'F21', per: 'call' },
  'lb-slow': { f: 'F21', per: 'call' },
  'lb-incomplete': { f: 'F22', per: 'call' },
  'lb-edited': { f: 'F22', per: 'step' },
  'lb-restart': { f: 'F22', per: 'step', rarity: 0.5 },
  'all-sick': { f: 'F23', per: 'call' },
  'machine-sick': { f: 'F24', per: 'step' },
  'machine-flaps': { f: 'F24', per: 'call' },
  'metric-missing': { f: 'F25', per: 'call' },
  'metric-hangs': { f: 'F25', per: 'call' },
  'metric-garbage': { f: 'F26', per: 'call' },
  'metric-lies': { f: 'F26', per: 'call', rarity: 0.3 },
  'metric-old': { f: 'F27', per: 'call' },
  'metric-stuck': { f: 'F27', per: 'call' },
  'metric-gaps': { f: 'F28', per: 'call' },
  'metrics-disagree': { f: 'F29', per: 'call' },
  'alert-doubled': { f: 'F30', per: 'step' },
  'alert-reordered': { f: 'F31', per: 'step' },
  'alert-replayed': { f: 'F32', per: 'step' },
  'alert-unresolved': { f: 'F35', per: 'step' },
  'hook-fails': { f: 'F4', per: 'call' },
  'hook-hangs': { f: 'F4', per: 'call' },
  people: { f: 'F18', per: 'step' },
  crash: { f: 'F36', per: 'step' },
  stop: { f: 'F36', per: 'step', rarity: 0.5 },
  paused: { f: 'F37', per: 'step' },
  partition: { f: 'F38', per: 'step' },
  'commit-unknown': { f: 'F39', per: 'call', rarity: 0.2 },
  'store-slow': { f: 'F40', per: 'call' },
  'store-restored': { f: 'F43', per: 'step', rarity: 0.1 },
  'wall-jump': { f: 'F46', per: 'step', rarity: 0.5 },
  reload: { f: 'F47', per: 'step', rarity: 0.5 },
  'mass-restart': { f: 'F48', per: 'step', rarity: 0.2 },
} as const satisfies Readonly<Record<string, FaultClass>>;

export type Fault = keyof typeof FAULTS;
export const FAULT_NAMES = Object.keys(FAULTS) as readonly Fault[];
export function rarityOf(fault: Fault): number {
  return (FAULTS[fault] as FaultClass).rarity ?? 1;
}
