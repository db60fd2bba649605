/** Faults in the words of this vendor. */
import type { AnswerFault } from '../api/faults.ts';
import type { Answer } from '../api/http-server.ts';
import { tooMany } from './limits.ts';
import { linodeBusy, Refused, refuse } from './refused.ts';
import { invalidToken } from './tokens.ts';

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
};

export function faultAnswer(fault: AnswerFault): Answer {
  switch (fault.kind) {
    case 'throttle':
      return refusal(tooMany(fault.retry_after_s));
    case 'unauthorized':
      return refusal(invalidToken());
    case 'busy':
      return refusal(linodeBusy());
    case 'quota':
      return refusal(refuse(fault.text ?? 'Account Limit reached. Please open a support ticket.'));
    case 'no_capacity':
      return refusal(refuse(fault.text ?? 'There are no open slots for this plan in the selected region. Please try again later or choose another region.'));
    default: {
      const title = TITLES[fault.status] ?? 'Error';
      const headers = fault.maintenance ? { 'x-maintenance-mode': 'apiv4,all_endpoints' } : {};
      if (fault.body === 'html') return { status: fault.status, headers: { ...headers, ...NGINX }, body: htmlPage(fault.status, title) };
      const reason = fault.maintenance ? 'The API is undergoing maintenance' : (REASONS[fault.status] ?? title);
      return refusal(new Refused(fault.status, [{ reason }], headers));
    }
  }
}

/** Recorded: an overloaded create answers 408. */
const REASONS: Readonly<Record<number, string>> = { 408: 'Please try again', 500: 'An internal error has occurred' };
const NGINX = { server: 'nginx', 'content-type': 'text/html' };

function htmlPage(status: number, title: string): string {
  return `<html>\r\n<head><title>${status} ${title}</title></head>\r\n<body>\r\n<center><h1>${status} ${title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n`;
}

export function refusal({ status, reasons, headers }: Refused): Answer {
  return { status, headers, body: { errors: reasons } };
}
