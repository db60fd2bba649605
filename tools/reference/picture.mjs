/**
 * docs/pictures/demand-and-capacity.svg: demand and capacity in instances. The load is made up; every change of size in it is a decision of
 * the real code (src/core/decide.ts) with default limits, and machines take 90 s to start.
 */
import { decide, initialMemory } from '../../src/core/decide.ts';
import { explainLines, whyNot } from '../../src/core/explain.ts';
import { groupSpec } from './picture-group.mjs';

const MINUTE = 60_000;
const STEP_MS = 15_000;
const START_MS = Date.UTC(2026, 0, 5, 12);
const HOURS = 3;
const BOOT_MS = 90_000;
const LEAVE_MS = 60_000;
const PER_INSTANCE = 200;
const MOST = 10;

/** Requests a second at minutes from the start; straight lines between. */
const LOAD = [
  [0, 520],
  [14, 560],
  [26, 900],
  [33, 1480],
  [44, 1620],
  [58, 1500],
  [70, 1180],
  [84, 900],
  [98, 780],
  [104, 800],
  [107, 1180],
  [116, 1260],
  [124, 980],
  [140, 700],
  [160, 560],
  [180, 520],
];

function loadAt(minutes, noise) {
  const next = Math.max(
    1,
    LOAD.findIndex(([at]) => at >= minutes),
  );
  const [[x0, y0], [x1, y1]] = [LOAD[next - 1], LOAD[next]];
  return Math.round(y0 + ((y1 - y0) * (minutes - x0)) / (x1 - x0) + noise);
}

/** The same small ups and downs each time. */
function noiseMaker() {
  let state = 7;
  return () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.round((state / 2147483648 - 0.5) * 36);
  };
}

/** Ids are random in life; here they are the same each time. */
const idAt = (atMs) => `d_${(atMs / STEP_MS).toString(36).slice(-8)}`;

function viewOf(machine, atMs, spec) {
  const ready = machine.bornMs + BOOT_MS;
  const state = machine.leavesMs !== null ? 'draining' : atMs >= ready ? 'serving' : 'booting';
  return {
    id: machine.id,
    n: machine.n,
    state,
    sinceMs: machine.bornMs,
    createdAtMs: machine.bornMs,
    servingSinceMs: atMs >= ready ? ready : null,
    health: atMs >= ready ? 'healthy' : 'unknown',
    healthSinceMs: ready,
    protected: false,
    standby: false,
    detached: false,
    replaceRequested: false,
    removeRequested: false,
    zone: null,
    templateId: spec.template.id,
    sessions: null,
    paidUntilMs: null,
    pricePerHour: null,
    replaces: null,
    removalCause: machine.leavesMs === null ? null : 'scale-in',
  };
}

/** One point every 15 s: what was needed, what served, what was on its way, and whether the size was changed. */
export function simulate() {
  const spec = groupSpec();
  const noise = noiseMaker();
  let machines = [1, 2, 3].map((n) => ({ id: `web-${n}`, n, bornMs: START_MS - 3_600_000, leavesMs: null }));
  let [n, smooth] = [4, loadAt(0, 0)];
  let memory = { ...initialMemory(spec, START_MS - 3_600_000, 3), config: spec.hash };
  const points = [];
  for (let atMs = START_MS - 20 * MINUTE; atMs <= START_MS + HOURS * 60 * MINUTE; atMs += STEP_MS) {
    machines = machines.filter((m) => m.leavesMs === null || m.leavesMs > atMs);
    // What a rate over the last minute shows.
    smooth += (loadAt(Math.max(0, (atMs - START_MS) / MINUTE), noise()) - smooth) / 3;
    const value = Math.round(smooth);
    const snapshot = {
      atMs,
      decisionId: idAt(atMs),
      instances: machines.map((m) => viewOf(m, atMs, spec)),
      readings: { target: { kind: 'value', value, atMs, ageMs: 0, coverage: 1 } },
      alerts: [],
      schedules: {},
      pause: null,
      manual: [],
      freezeUntilMs: null,
      approved: null,
      cloudTrusted: true,
      balancerTrusted: true,
      spentThisMonth: null,
      cause: 'timer',
    };
    const made = decide(spec, snapshot, memory);
    memory = made.memory;
    for (const action of made.decision.actions) {
      if (action.kind === 'launch') machines.push({ id: `web-${n}`, n: n++, bornMs: atMs, leavesMs: null });
      else machines.find((m) => m.id === action.instance).leavesMs = atMs + LEAVE_MS;
    }
    const staying = machines.filter((m) => m.leavesMs === null);
    const serving = staying.filter((m) => atMs >= m.bornMs + BOOT_MS).length;
    const { from, target } = made.decision;
    if (atMs >= START_MS) points.push({ atMs, demand: value / PER_INSTANCE, serving, target: staying.length, from, to: target, decision: made.decision });
  }
  return points;
}

const BOX = { left: 44, right: 944, top: 58, bottom: 298 };
const x = (atMs) => round(BOX.left + ((BOX.right - BOX.left) * (atMs - START_MS)) / (HOURS * 60 * MINUTE));
const y = (instances) => round(BOX.bottom - ((BOX.bottom - BOX.top) * instances) / MOST);
const round = (value) => Math.round(value * 10) / 10;

/** The outline of a stair: flat until the next point. */
function stair(points, height) {
  return points.map((p, i) => `${i === 0 ? 'M' : 'H'}${x(p.atMs)}${i === 0 ? ` ${y(height(p))}` : `V${y(height(p))}`}`).join('');
}

/** Boxes between two heights, one per run of equal ones. */
function boxes(points, low, high, kind) {
  const out = [];
  let start = 0;
  for (let i = 1; i <= points.length; i++) {
    const [a, b] = [points[start], points[i]];
    if (b !== undefined && low(a) === low(b) && high(a) === high(b)) continue;
    const end = b ?? points[points.length - 1];
    if (high(a) > low(a) && end.atMs > a.atMs)
      out.push(
        `<rect class="${kind}" x="${x(a.atMs)}" y="${y(high(a))}" width="${round(x(end.atMs) - x(a.atMs))}" height="${round(y(low(a)) - y(high(a)))}"/>`,
      );
    start = i;
  }
  return out.join('\n');
}

/** Where demand is above what serves by more than the 10 % a policy tolerates. */
const isShort = (p) => p.demand > p.serving * 1.1;

function shortage(points) {
  const runs = [];
  for (const [i, p] of points.entries()) {
    if (!isShort(p)) continue;
    const last = runs.at(-1);
    if (last !== undefined && last.at(-1) === points[i - 1]) last.push(p);
    else runs.push([p]);
  }
  const areas = runs.map((run) => {
    const ends = [...run.map((p) => `${x(p.atMs)},${y(p.demand)}`), ...run.toReversed().map((p) => `${x(p.atMs)},${y(p.serving)}`)];
    return `<polygon class="short" points="${ends.join(' ')}"/>`;
  });
  const strip = runs.map(
    (run) => `<rect class="alarm" x="${x(run[0].atMs)}" y="306" width="${Math.max(3, round(x(run.at(-1).atMs) - x(run[0].atMs)))}" height="5"/>`,
  );
  return [...areas, ...strip].join('\n');
}

/** Filled triangle up: out. Hollow triangle down: in. Closer than 14 px they are one. */
function marks(points) {
  const found = [];
  for (const p of points) {
    if (p.from === p.to) continue;
    const out = p.to > p.from;
    const last = found.at(-1);
    if (last !== undefined && last.out === out && x(p.atMs) - last.x < 14) continue;
    found.push({ x: x(p.atMs), out });
  }
  return found.map(({ x: at, out }) => `<path class="${out ? 'out' : 'in'}" d="M${round(at - 5)} ${out ? 336 : 327}h10l-5 ${out ? -9 : 9}z"/>`).join('\n');
}

/** Written out for both themes: not every viewer of SVG knows variables. */
const colours = (
  t,
) => `.paper{fill:${t.paper}}text{fill:${t.ink2}}.say,.out{fill:${t.ink}}.hair{stroke:${t.hair}}.axis{stroke:${t.ink2}}.demand,.in{stroke:${t.ink}}
.serving,.hatch{fill:${t.capacity}}.edge{stroke:${t.capacity}}.alarm{fill:${t.alarm}}`;
const LIGHT = { paper: '#F7F5F0', ink: '#16181B', ink2: '#555A60', capacity: '#2F6E9E', alarm: '#C2371B', hair: '#D9D4C7' };
const DARK = { paper: '#0D1216', ink: '#ECE9E1', ink2: '#9AA5AD', capacity: '#5FA8DC', alarm: '#FF7A59', hair: '#2A353D' };

const STYLE = `text{font:12.5px "IBM Plex Sans Condensed","Liberation Sans Narrow","Arial Narrow",Arial,sans-serif}.say{font-size:17px}
.serving{fill-opacity:.22}.starting{fill:url(#starting)}.short{fill:url(#short)}.demand,.edge,.in{fill:none}.edge{stroke-width:1.5}.demand{stroke-width:1.8;stroke-linejoin:round}.in{stroke-width:1.4}
${colours(LIGHT)}
@media (prefers-color-scheme:dark){${colours(DARK)}}`;

const PATTERNS = `<pattern id="starting" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="hatch" width="1.6" height="6"/></pattern>
<pattern id="short" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)"><rect class="alarm" width="2.4" height="6"/></pattern>`;

function axes() {
  const lines = [0, 2, 4, 6, 8, 10].map(
    (n) =>
      `<line class="${n === 0 ? 'axis' : 'hair'}" x1="${BOX.left}" x2="${BOX.right}" y1="${y(n)}" y2="${y(n)}"/><text x="${BOX.left - 8}" y="${y(n) + 4}" text-anchor="end">${n}</text>`,
  );
  const times = [0, 30, 60, 90, 120, 150, 180].map((minutes) => {
    const at = x(START_MS + minutes * MINUTE);
    const label = `${12 + Math.floor(minutes / 60)}:${minutes % 60 === 0 ? '00' : '30'}`;
    return `<text x="${at}" y="360" text-anchor="${minutes === 0 ? 'start' : minutes === 180 ? 'end' : 'middle'}">${label}</text>`;
  });
  return [...lines, ...times].join('\n');
}

const LEGEND = `<path class="demand" d="M44 42h22"/><text x="72" y="46">demand</text>
<rect class="serving" x="132" y="36" width="22" height="10"/><path class="edge" d="M132 36h22"/><text x="160" y="46">serving</text>
<rect class="starting" x="220" y="36" width="22" height="10"/><text x="248" y="46">starting</text>
<rect class="short" x="310" y="36" width="22" height="10"/><text x="338" y="46">short</text>
<path class="out" d="M386 46h10l-5 -9z"/><text x="402" y="46">out</text><path class="in" d="M438 37h10l-5 9z"/><text x="454" y="46">in</text>`;

export function picture() {
  const points = simulate();
  const demand = points.map((p, i) => `${i === 0 ? 'M' : 'L'}${x(p.atMs)} ${y(p.demand)}`).join('');
  const shortMinutes = round((points.filter(isShort).length * STEP_MS) / MINUTE);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 960 376" role="img" aria-labelledby="t d">
<title id="t">Demand and capacity of one group, in instances, over three hours</title>
<desc id="d">A made-up load, and the decisions Drover's own code takes for it with default limits when machines need 90 s to start. Capacity follows demand up at once, with short hatched areas where machines are still starting, and comes down in small steps after five quiet minutes.</desc>
<style>${STYLE}</style>
<defs>${PATTERNS}</defs>
<rect class="paper" width="960" height="376"/>
<text class="say" x="44" y="24">Demand and capacity, in instances: 200 requests a second each, ${shortMinutes} minutes short in three hours</text>
${LEGEND}
${axes()}
<path class="serving" d="${stair(points, (p) => p.serving)}V${y(0)}H${x(points[0].atMs)}Z"/>
<path class="edge" d="${stair(points, (p) => p.serving)}"/>
${boxes(
  points,
  (p) => p.serving,
  (p) => p.target,
  'starting',
)}
${shortage(points)}
<path class="demand" d="${demand}"/>
${marks(points)}
</svg>
`;
}

/** A wait of the picture, three minutes into it, as `drover why` and `drover why --not` print it. */
export function exampleDecision() {
  const decision = simulate()
    .map((p) => p.decision)
    .find((d) => d.reason === 'HOLD_QUIET' && d.holds.some((h) => h.code === 'HOLD_QUIET' && h.untilMs - d.atMs <= 2 * MINUTE));
  return [`$ drover why web`, ...explainLines(decision), '', '$ drover why web --not', ...whyNot(decision)].join('\n');
}
