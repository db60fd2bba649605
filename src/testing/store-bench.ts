import { expect } from 'vitest';
import { type ControlChange, type GroupCommit, type Store, StoreError, type StoreErrorCode } from '../ports/store.ts';
import type { SetClock } from './store-samples.ts';

/** What the cases share: the present store, its clock, and short cuts. */
export interface StoreBench {
  readonly clock: SetClock;
  readonly store: Store;
  reopen(): Promise<Store>;
  /** A group of that name, acquired by `owner-1`: its epoch is 1. */
  ready(name: string): Promise<void>;
  control(...changes: ControlChange[]): Promise<boolean>;
  commit(change: Omit<GroupCommit, 'expect'> & { readonly expect?: Partial<GroupCommit['expect']> }): ReturnType<Store['commit']>;
}

/** The wall clock at the start of every case, Unix ms. */
export const START_MS = 1_700_000_000_000;

/** Rejects with a StoreError of that code. */
export async function expectStoreError(promise: Promise<unknown>, code: StoreErrorCode): Promise<void> {
  const error = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(StoreError);
  expect((error as StoreError).code).toBe(code);
}
