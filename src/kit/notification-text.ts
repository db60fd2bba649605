import type { Notification } from '../ports/notifier.ts';

/** `web · scale_out`, or the event alone where it concerns no group. One line. */
export function headingOf(notification: Notification): string {
  return oneLine(notification.group === null ? notification.event : `${notification.group} · ${notification.event}`);
}

/** The arithmetic, at most `maxChars`; says how many lines were left out. */
export function linesOf(notification: Notification, maxChars: number): string {
  const room = maxChars - 40;
  const kept: string[] = [];
  let used = 0;
  for (const line of notification.lines) {
    const text = cut(line, room);
    if (used + text.length + 1 > room) break;
    used += text.length + 1;
    kept.push(text);
  }
  const left = notification.lines.length - kept.length;
  return [...kept, ...(left > 0 ? [`(${left} more line${left === 1 ? '' : 's'})`] : [])].join('\n');
}

/** At most `maxChars`, never through the middle of a character outside the basic plane. */
export function cut(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text;
  const kept = text.slice(0, Math.max(0, maxChars - 1));
  return `${/[\ud800-\udbff]$/.test(kept) ? kept.slice(0, -1) : kept}…`;
}

/** Without line breaks and other control characters. */
export function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is removed
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').trim();
}
