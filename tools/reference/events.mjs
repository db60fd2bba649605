/** docs/reference/events.md. The list is held here, and checked against the sources: a type that is written nowhere, or not here, is an error. */
import { INSTANCE_STATES } from '../../src/core/model/model.ts';
import { sources } from './codes.mjs';
import { code, head, listed, page, table } from './markdown.mjs';

const SECTIONS = [
  [
    'Decisions',
    [
      [
        'decision',
        'An evaluation came to something new. Equal holds in a row are one event and one entry of the history.',
        ['id', 'outcome', 'reason', 'meaning', 'from', 'wanted', 'target', 'running', 'serving', 'sentence'],
      ],
    ],
  ],
  [
    'The life of an instance',
    [
      ['instance.intent', 'A machine is about to be created. Written before the cloud is asked.', ['instance', 'decision', 'cause']],
      ['instance.booting', 'The cloud has made it. `adopted`: found by its token after a create without a clear answer.', ['instance', 'machine', 'adopted']],
      ['instance.warming', 'It is healthy and joins the balancers.', ['instance', 'machine', 'boot_ms']],
      ['instance.attached', 'It is in every balancer of the group.', ['instance', 'members']],
      ['instance.serving', 'It is counted as capacity.', ['instance', 'machine', 'start_ms']],
      ['instance.reattached', 'Its place in a balancer was lost and is repaired.', ['instance', 'members']],
      ['instance.condemned', 'It is to go, but its create has had no clear answer yet: the truth is awaited first.', ['instance', 'cause', 'why']],
      ['instance.draining', 'It is leaving: no new work.', ['instance', 'machine', 'cause', 'why', 'decision']],
      ['instance.drain-accepted', 'Every balancer stopped sending it new work.', ['instance']],
      ['instance.detached', 'It is out of every balancer.', ['instance']],
      ['instance.terminating', 'Its deletion is committed. Written before the cloud is asked.', ['instance', 'machine', 'cause', 'why', 'drain_ms']],
      ['instance.gone', 'It does not exist any more.', ['instance', 'machine', 'cause', 'took_ms']],
      ['instance.adopted', 'A person took an existing machine into the books.', ['instance', 'machine']],
      ['launch.failed', 'The cloud refused to make a machine. The group backs off by class.', ['instance', 'code', 'error']],
      ['step.failed', 'A step is tried again; told at the first failure and at every tenth.', ['instance', 'step', 'attempts', 'code', 'error']],
      ['delete.postponed', 'A deletion has to wait: protected, over budget, not ours, or the cloud failed.', ['instance', 'why']],
      ['hook.done', 'A hook ended well.', ['instance', 'hook']],
      ['hook.failed', 'A hook failed or took too long.', ['instance', 'hook', 'error', 'on_failure']],
    ],
  ],
  [
    'People',
    [
      ['control.paused', 'A group, or every group (`group` null), was paused.', ['until_ms', 'reason']],
      ['control.resumed', 'The pause was ended.', []],
      ['control.scaled', 'A size, a floor or a cap was asked for, or taken back (`size` null).', ['kind', 'size', 'for_ms', 'reason']],
      ['control.approved', 'A large change was approved.', ['size', 'for_ms']],
      ['control.unfrozen', 'A frozen group may go on.', []],
      ['control.drain', 'An instance is to be taken away.', ['instance', 'reason']],
      ['control.replace', 'An instance is to be replaced.', ['instance', 'reason']],
      ['control.protected', 'An instance is protected from every removal.', ['instance']],
      ['control.unprotected', 'Its protection was lifted.', ['instance']],
      ['control.standby', 'An instance leaves the balancer and is kept.', ['instance']],
      ['control.back', 'It comes back from standby.', ['instance']],
      ['control.forgotten', 'An instance was struck from the books; its machine was left alone.', ['instance', 'machine']],
    ],
  ],
  [
    'Groups and configuration',
    [
      ['config.added', 'A group came into the file.', ['hash', 'mode', 'min', 'max']],
      ['config.changed', 'A group of the file changed.', ['hash', 'mode', 'min', 'max']],
      ['config.removed', 'A group left the file; its machines are kept and nothing is done to them.', ['note']],
      [
        'group.frozen',
        'A promise was about to be broken, or the books are empty while machines exist: the group stands still until a person has looked.',
        ['why', 'machines'],
      ],
      ['group.not-evaluated', 'It has not been evaluated for far longer than it should: something in the controller hangs.', ['seconds']],
      ['group.retiring', 'A removed group gives up its machines.', ['machines']],
      ['group.archived', 'Its last machine is gone, or it had none. Its history stays.', []],
    ],
  ],
  [
    'Alerts and access',
    [
      ['alert.fired', 'An episode began. Repeats of it are not events.', ['receiver', 'name', 'episode']],
      ['alert.resolved', 'It ended. An episode that was resolved never acts again.', ['receiver', 'name', 'episode']],
      ['alert.ignored', 'It came late, out of order or twice.', ['receiver', 'name', 'episode', 'why']],
      [
        'delivery.rejected',
        'A delivery had no effect: forged, malformed, too large, to nobody. `suppressed`: so many more were not recorded.',
        ['receiver', 'why', 'status', 'code', 'source', 'suppressed', 'asked'],
      ],
      [
        'access.denied',
        'A credential was missing, wrong or of too low a role. `unwritten`: so many more were not recorded.',
        ['source', 'account', 'method', 'route', 'code', 'unwritten'],
      ],
      ['token.created', 'A token was made. Its value is in no event.', ['id', 'name', 'role']],
      ['token.revoked', 'A token was revoked.', ['id', 'name', 'role']],
    ],
  ],
];

const TYPE = /['"`]((?:instance|launch|step|delete|hook|control|config|group|alert|delivery|access|token)\.[a-z]+(?:-[a-z]+)*)['"`]/g;

/** Types the sources write. Those made of a state or an effect are written out. */
export function eventTypesInSources() {
  const found = new Set([
    'decision',
    ...['fired', 'resolved', 'ignored'].map((each) => `alert.${each}`),
    ...INSTANCE_STATES.map((state) => `instance.${state}`),
  ]);
  for (const folder of ['engine/', 'app/', 'api/']) {
    for (const { path, text } of sources(folder)) {
      if (path.startsWith('app/demo/')) continue;
      for (const [, type] of text.matchAll(TYPE)) found.add(type);
    }
  }
  return found;
}

export const EVENT_TYPES = new Set(SECTIONS.flatMap(([, list]) => list.map(([type]) => type)));

export function eventsPage() {
  const inSources = eventTypesInSources();
  const missing = [...inSources].filter((type) => !EVENT_TYPES.has(type));
  const extra = [...EVENT_TYPES].filter((type) => !inSources.has(type));
  if (missing.length + extra.length > 0)
    throw new Error(`tools/reference/events.mjs: describe ${missing.join(', ') || 'nothing'}; take out ${extra.join(', ') || 'nothing'}`);
  return page(
    head('Events', 'tools/reference/events.mjs, checked against the sources'),
    `Everything that happened, in order. An event has ${listed(['seq', 'at', 'group', 'type', 'actor', 'data', 'hash'], 'and')}: ${code('seq')} has no gaps, and ${code('hash')} is the
SHA-256 over the hash before it and the event, so that a change to the past shows (${code('drover audit verify')}). They are kept for ${code('server.retain.events')}.
Read them with ${code('drover history')}, ${code('GET /api/v1/events')}, or as they happen from ${code('GET /api/v1/events/stream')}.`,
    `${code('actor')} is the name of the token or, for what nobody asked for, ${code('drover')}; for alerts ${code('receiver:NAME')}. Times inside ${code('data')} that end in ${code('_ms')} are milliseconds.`,
    ...SECTIONS.map(([title, list]) =>
      page(
        `## ${title}`,
        table(
          ['type', 'meaning', 'data'],
          list.map(([type, meaning, data]) => [code(type), meaning, data.map(code).join(', ')]),
        ),
      ),
    ),
  );
}
