/** What the command line needs of the product's inside. Light: it is loaded by every command; heavier parts have files of their own. */
export { issueText } from '../api/issue-text.ts';
export { nearest } from '../config/suggest.ts';
export { formatDuration, formatMeasure, formatNumber, type Parsed, parseDuration } from '../core/units.ts';
export { realClock } from '../platform/clock.ts';
export type { Clock, Http, HttpRequest, HttpResponse } from '../ports/ports.ts';
export { DriverError, StoreError } from '../ports/ports.ts';
export { VERSION } from './version.ts';
