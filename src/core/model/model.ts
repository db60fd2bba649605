export * from './calendar.ts';
export * from './decision.ts';
export * from './group.ts';
export * from './instance.ts';
export * from './json.ts';
export * from './reading.ts';
export * from './reasons.ts';
export * from './snapshot.ts';
