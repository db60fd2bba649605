/** Errors as the API answers them: `{"errors":[{"reason":"…","field":"…"}]}`. */

export interface Reason {
  readonly reason: string;
  readonly field?: string;
}

export class Refused extends Error {
  readonly status: number;
  readonly reasons: readonly Reason[];
  readonly headers: Readonly<Record<string, string>>;
  constructor(status: number, reasons: readonly Reason[], headers: Readonly<Record<string, string>> = {}) {
    super(reasons.map((each) => each.reason).join('; '));
    this.status = status;
    this.reasons = reasons;
    this.headers = headers;
  }
}

export function refuse(reason: string, field?: string): Refused {
  return new Refused(400, [field === undefined ? { reason } : { reason, field }]);
}

export function notFound(): Refused {
  return new Refused(404, [{ reason: 'Not found' }]);
}

/** A job of this Linode is under way. */
export function linodeBusy(): Refused {
  return refuse('Linode busy.');
}
