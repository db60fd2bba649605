export { type MemoryStore, type MemoryStoreOptions, openMemoryStore } from './memory.ts';
