import { idsOf } from './drivers.ts';
import type { Sense } from './sense.ts';
import { nearest } from './suggest.ts';
import type { Path } from './tree.ts';

/** Everything that is named must be there. */
export function checkNames(s: Sense, group: string): void {
  const path = ['groups', group];
  checkCloud(s, group, path);
  const template = s.text([...path, 'template']);
  if (template !== null && !s.hurt('templates') && !s.written(['templates', template])) {
    s.unknownName('E0044', [...path, 'template'], template, s.keys(['templates']), {
      what: 'template',
      declare: 'declare it under `templates:`, or write the template here as a map',
    });
  }
  for (let i = 0; i < s.length([...path, 'balancer']); i++) {
    const use = s.text([...path, 'balancer', i, 'use']);
    if (use !== null && use !== '' && !s.hurt('balancers') && !s.written(['balancers', use])) {
      s.unknownName('E0043', [...path, 'balancer', i, 'use'], use, s.keys(['balancers']), { what: 'balancer', declare: 'declare it under `balancers:`' });
    }
  }
  for (let i = 0; i < s.length([...path, 'notify']); i++) {
    const name = s.text([...path, 'notify', i]);
    if (name !== null && !s.hurt('notify') && !s.written(['notify', name])) {
      s.unknownName('E0047', [...path, 'notify', i], name, s.keys(['notify']), {
        what: 'notifier',
        declare: 'declare it under `notify:` at the top of the file',
      });
    }
  }
  for (const metric of s.keys([...path, 'metrics'])) checkMetricNames(s, path, metric);
  checkPolicyNames(s, path);
}

function checkCloud(s: Sense, group: string, path: Path): void {
  const template = s.text([...path, 'template']);
  const templatePath = template === null ? [...path, 'template'] : ['templates', template];
  const own = s.text([...path, 'cloud']);
  const ofTemplate = s.text([...templatePath, 'cloud']);
  const ids = [...new Set([...s.keys(['clouds']), ...idsOf(s.input.registry).cloud])];
  const declare = { what: 'cloud', declare: 'declare it under `clouds:`' };
  if (s.hurt('clouds')) return;
  if (own !== null && !s.written(['clouds', own])) s.unknownName('E0041', [...path, 'cloud'], own, ids, declare);
  else if (ofTemplate !== null && !s.written(['clouds', ofTemplate])) s.unknownName('E0041', [...templatePath, 'cloud'], ofTemplate, ids, declare);
  if (own !== null && ofTemplate !== null && own !== ofTemplate) {
    s.tell('E0116', s.span([...path, 'cloud']), {
      message: `group \`${group}\` and its template name different clouds`,
      label: `the group says \`${own}\` …`,
      help: `write \`cloud: ${ofTemplate}\` here, or leave it out: the template says it`,
      second: { span: s.span([...templatePath, 'cloud']), label: `… but the template says \`${ofTemplate}\`` },
    });
  }
  const unsaid = !s.hurt('cloud', 'template', 'templates') && !s.written([...path, 'cloud']) && !s.written([...templatePath, 'cloud']);
  if (unsaid && (template === null || s.written(['templates', template])) && s.written(path)) {
    if (misspelt(s, templatePath, 'cloud', `template of group \`${group}\``)) return;
    s.tell('E0114', s.key(path), {
      message: `group \`${group}\` has no cloud`,
      label: 'where do its machines live?',
      help: `add \`cloud:\` with one of ${ids.map((i) => `\`${i}\``).join(', ')}`,
    });
  }
}

/** Metrics that fall back on one another in a row; more are a loop, or an attack on our patience. */
const MOST_FALLBACKS = 100;

function checkMetricNames(s: Sense, group: Path, metric: string): void {
  const path = [...group, 'metrics', metric];
  const from = s.text([...path, 'from']);
  if (from !== null && !s.hurt('sources', 'prometheus', 'from') && !s.written(['sources', from])) {
    const known = [...new Set([...s.keys(['sources']), ...idsOf(s.input.registry).source])];
    const at = s.written([...path, 'from']) ? [...path, 'from'] : path;
    if (misspelt(s, path, 'from', `metric \`${metric}\``)) return;
    if (from === 'default') {
      s.tell('E0042', s.key(at), {
        message: `metric \`${metric}\` does not say its source, and there is none named \`default\``,
        label: 'from which source?',
        help: `add \`from:\` with one of ${known.map((k) => `\`${k}\``).join(', ')}, or \`prometheus: http://…\` at the top of the file`,
      });
    } else s.unknownName('E0042', at, from, known, { what: 'source', declare: 'declare it under `sources:`' });
  }
  const use = s.text([...path, 'if_missing', 'use']);
  if (use === null || s.hurt('metrics')) return;
  if (!s.written([...group, 'metrics', use])) {
    s.unknownName('E0045', [...path, 'if_missing', 'use'], use, others(s, group, metric), { what: 'metric', declare: 'declare it under `metrics:`' });
    return;
  }
  const seen = new Set([metric]);
  for (let next: string | null = use; next !== null; next = s.text([...group, 'metrics', next, 'if_missing', 'use'])) {
    if (next === metric) {
      s.tell('E0111', s.span([...path, 'if_missing', 'use']), {
        message: `metric \`${metric}\` falls back on itself`,
        label: use === metric ? 'itself' : `and \`${use}\` leads back here`,
        help: 'name a metric that is read from elsewhere, or write `if_missing: hold`',
      });
    }
    if (seen.has(next)) return;
    seen.add(next);
    if (seen.size > MOST_FALLBACKS) {
      s.tell('E0111', s.span([...path, 'if_missing', 'use']), {
        message: `metric \`${metric}\` has more than ${MOST_FALLBACKS} fallbacks in a row`,
        label: 'a chain without a near end',
        help: 'name a metric that is read from elsewhere, or write `if_missing: hold`',
      });
      return;
    }
  }
}

/** A needed key that stands there with a slip in it: that is then the mistake. */
function misspelt(s: Sense, path: Path, key: string, place: string): boolean {
  const slip = s.keys(path).find((k) => k !== key && nearest(k, [key]) !== null);
  if (slip === undefined) return false;
  s.tell('E0012', s.key([...path, slip]), {
    message: `unknown field \`${slip}\` in ${place}`,
    label: `did you mean \`${key}\`?`,
    help: `write \`${key}\``,
    suggestion: key,
  });
  return true;
}

function others(s: Sense, group: Path, metric: string): string[] {
  return s.keys([...group, 'metrics']).filter((m) => m !== metric);
}

function checkPolicyNames(s: Sense, group: Path): void {
  const first = new Map<string, number>();
  const metrics = s.keys([...group, 'metrics']);
  for (let i = 0; i < s.length([...group, 'policies']); i++) {
    const path = [...group, 'policies', i];
    const name = s.text([...path, 'name']) ?? s.text([...path, 'type']);
    const before = name === null ? undefined : first.get(name);
    if (name !== null && before !== undefined) {
      const at = (n: number): Path => (s.written([...group, 'policies', n, 'name']) ? [...group, 'policies', n, 'name'] : [...group, 'policies', n, 'type']);
      s.tell('E0050', s.span(at(i)), {
        message: `two policies are named \`${name}\``,
        label: s.written([...path, 'name']) ? 'the second' : 'a policy without a name has its type as its name',
        help: `give each a name of its own, for example \`name: ${name}-2\``,
        second: { span: s.span(at(before)), label: 'the first' },
      });
    } else if (name !== null) first.set(name, i);
    const metric = s.text([...path, 'metric']);
    if (metric !== null && !s.hurt('metrics') && !metrics.includes(metric)) {
      s.unknownName('E0045', [...path, 'metric'], metric, metrics, { what: 'metric', declare: 'declare it under `metrics:` of this group' });
    }
    if (!s.hurt('metrics')) checkFormula(s, path, metrics);
    const receiver = s.text([...path, 'receiver']);
    if (receiver !== null && s.text([...path, 'type']) === 'alert' && !s.hurt('receivers') && !s.written(['receivers', receiver])) {
      s.unknownName('E0046', [...path, 'receiver'], receiver, s.keys(['receivers']), { what: 'receiver', declare: 'declare it under `receivers:`' });
    }
  }
}

function checkFormula(s: Sense, path: Path, metrics: readonly string[]): void {
  const options = s.input.parts.options.get(JSON.stringify(path));
  const formula = (options as { formula?: { metrics?: unknown } } | undefined)?.formula;
  if (!Array.isArray(formula?.metrics)) return;
  for (const metric of formula.metrics as string[]) {
    if (metrics.includes(metric)) continue;
    const span = s.span([...path, 'formula']);
    const offset = s.input.frame.text.slice(span.start, span.end).search(new RegExp(`\\b${metric.replace(/[^\w]/g, '\\$&')}\\b`));
    const at = offset < 0 ? span : { start: span.start + offset, end: span.start + offset + metric.length };
    s.unknownName('E0045', [...path, 'formula'], metric, metrics, { what: 'metric', declare: 'declare it under `metrics:` of this group' }, at);
  }
}
