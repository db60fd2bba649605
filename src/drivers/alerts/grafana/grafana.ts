import { Malformed, record } from '../../../kit/alert-values.ts';
import { parseJson } from '../../../kit/parse-json.ts';
import type { AlertFormat, ParsedAlerts } from '../../../ports/alert-format.ts';
import { readLegacy } from './legacy.ts';
import { readUnified } from './unified.ts';

/** Both kinds of message that Grafana sends: unified alerting (8 and later) and the dashboard alerts before it. */
export const grafanaFormat: AlertFormat = {
  parse(body, nowMs): ParsedAlerts {
    const parsed = parseJson(body);
    if (!parsed.ok) return { kind: 'malformed', why: `the body cannot be read: ${parsed.why}` };
    try {
      const message = record(parsed.value, 'the body');
      if (message['alerts'] !== undefined) return readUnified(message);
      if (message['ruleId'] !== undefined || message['ruleName'] !== undefined) return readLegacy(message, nowMs);
      throw new Malformed('neither alerts nor ruleId is there: is a custom payload set in the contact point?');
    } catch (e) {
      if (e instanceof Malformed) return { kind: 'malformed', why: e.message };
      throw e;
    }
  },
};
