/** Structured log. Fields named like secrets are redacted by the platform, but do not rely on it. */
export interface Log {
  debug(fields: Record<string, unknown>, message: string): void;
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
  error(fields: Record<string, unknown>, message: string): void;
}
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };
