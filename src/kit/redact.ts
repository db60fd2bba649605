/** Text of a foreign system made fit for an error message: one line, short, without our secrets. */
export function excerpt(text: string, secrets: readonly string[] = [], maxChars = 200): string {
  // Cut generously first, so that a huge body costs nothing, and only then redact and cut to size:
  // cutting to size first could leave the first half of a secret standing.
  let clean = redact(text.slice(0, maxChars * 20 + 8192), secrets);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is removed, they could fake log lines
  clean = clean.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\s]+/g, ' ').trim();
  return clean.length > maxChars ? `${clean.slice(0, maxChars - 1)}…` : clean;
}

/** Every occurrence of a secret (as it is, URL-encoded, or inside JSON) becomes `***`. */
export function redact(text: string, secrets: readonly string[]): string {
  let clean = text;
  for (const secret of [...secrets].sort((a, b) => b.length - a.length)) {
    if (secret.length < 3) continue; // so short that every text contains it
    for (const form of new Set([secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)])) clean = clean.replaceAll(form, '***');
  }
  return clean;
}
