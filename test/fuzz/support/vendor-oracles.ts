/** What a driver may hand on, whatever it was told. */
import { MISSING_REASONS, type Reading } from '../../../src/core/model/reading.ts';
import type { Machine, Member } from '../../../src/ports/ports.ts';

export function need(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

/** Not before 1970 and not after what a Date can hold. */
function isTime(value: number | null): boolean {
  return value === null || (Number.isFinite(value) && value >= 0 && value <= 8.64e15);
}

export function checkMachines(machines: readonly Machine[]): void {
  for (const m of machines) {
    need(typeof m.id === 'string' && m.id !== '' && typeof m.name === 'string', `a machine is called ${JSON.stringify(m.id)}`);
    need(['pending', 'running', 'stopped', 'deleting', 'gone'].includes(m.state), `the state ${m.state}`);
    need(m.address === null || (typeof m.address === 'string' && m.address !== ''), 'an address that is none');
    need(m.port === null || (Number.isInteger(m.port) && m.port >= 1 && m.port <= 65_535), `the port ${m.port}`);
    need(isTime(m.createdAtMs) && isTime(m.paidUntilMs), `made at ${m.createdAtMs}, paid until ${m.paidUntilMs}`);
    need(m.pricePerHour === null || (Number.isFinite(m.pricePerHour) && m.pricePerHour >= 0), `a price of ${m.pricePerHour}`);
    need(
      m.owner === null || [m.owner.install, m.owner.group, m.owner.token, m.owner.instance].every((tag) => typeof tag === 'string' && tag !== ''),
      'half an owner',
    );
    need(m.owner === null || m.owner.install === 'fuzz', 'a machine of another installation is ours');
  }
}

export function checkMembers(members: readonly Member[]): void {
  for (const m of members) {
    need(typeof m.ref === 'string' && m.ref !== '', 'a member without a name');
    need(Number.isInteger(m.port) && m.port >= 1 && m.port <= 65_535, `${m.ref} has the port ${m.port}`);
    need(['joining', 'ready', 'draining', 'out'].includes(m.state) && ['up', 'down', 'unknown'].includes(m.health), `${m.ref} is ${m.state}, ${m.health}`);
    need(m.sessions === null || (Number.isFinite(m.sessions) && m.sessions >= 0), `${m.ref} has ${m.sessions} sessions`);
  }
}

export function checkReading(reading: Reading): void {
  need(Number.isFinite(reading.atMs), `a reading of the time ${reading.atMs}`);
  if (reading.kind === 'missing') {
    need(
      MISSING_REASONS.includes(reading.reason) && reading.detail !== '' && reading.detail.length <= 1000,
      `missing: ${reading.reason}: ${reading.detail.slice(0, 1200)}`,
    );
    return;
  }
  need(Number.isFinite(reading.value), `the value ${reading.value}`);
  need(reading.ageMs === null || (Number.isFinite(reading.ageMs) && reading.ageMs >= 0), `the age ${reading.ageMs}`);
  need(reading.coverage >= 0 && reading.coverage <= 1, `the coverage ${reading.coverage}`);
  need(reading.members === undefined || (Number.isInteger(reading.members) && reading.members >= 0), `of ${reading.members} members`);
}

const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?$/;

/** A value stands in the document, where it was looked for, as a number; read independently of the driver. */
export function checkHttpReading(reading: Reading, body: string, pointer: string, allowStrings: boolean): void {
  if (reading.kind === 'missing') return;
  let found = JSON.parse(body) as unknown;
  for (const key of pointer.split('/').slice(1)) {
    need(typeof found === 'object' && found !== null && Object.hasOwn(found, key), `${reading.value} where nothing is`);
    found = (found as Record<string, unknown>)[key];
  }
  const isNumber = typeof found === 'number' || (allowStrings && typeof found === 'string' && DECIMAL.test(found.trim()));
  need(isNumber && Number(found) === reading.value, `${reading.value} for ${JSON.stringify(found)}`);
}

/** A value is that of the one series of the answer to the query. */
export function checkPrometheusReading(reading: Reading, bodies: readonly string[]): void {
  if (reading.kind === 'missing') return;
  const told = bodies.some((body) => {
    try {
      const { data } = JSON.parse(body) as { data: { resultType: string; result: unknown[] } };
      const point = data.resultType === 'scalar' ? data.result : data.result.length === 1 ? (data.result[0] as { value: unknown[] }).value : [];
      return typeof point[1] === 'string' && DECIMAL.test(point[1]) && Number(point[1]) === reading.value;
    } catch {
      return false;
    }
  });
  need(told, `${reading.value}, which no answer says`);
}
