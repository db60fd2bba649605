import type { AlertRow, InboundAlert } from '../ports/ports.ts';

/** Characters kept of each kind, so that the most alerts that are kept stay small. */
const MAX_CHARS = 8_192;

/** What is kept of an alert for hooks alone: annotations, and what its message said around it. Entries beyond the limit are left out whole. */
export function alertDetail(alert: InboundAlert): Pick<AlertRow, 'annotations' | 'origin'> {
  const annotations = within(alert.annotations);
  const { origin } = alert;
  return {
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
    ...(origin === undefined ? {} : { origin: { ...origin, groupLabels: within(origin.groupLabels) } }),
  };
}

function within(texts: Readonly<Record<string, string>>): Record<string, string> {
  let room = MAX_CHARS;
  return Object.fromEntries(
    Object.entries(texts).filter(([name, text]) => {
      const chars = name.length + text.length;
      if (chars > room) return false;
      room -= chars;
      return true;
    }),
  );
}
