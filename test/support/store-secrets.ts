import { createHash, randomBytes } from 'node:crypto';

/** What a store needs of Secrets, without the platform. */
export const storeSecrets = {
  sha256: (text: string): string => createHash('sha256').update(text).digest('hex'),
  randomHex: (bytes: number): string => randomBytes(bytes).toString('hex'),
};
