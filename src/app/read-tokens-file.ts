import { DriverError, type Files, type Secrets, type TokenRow } from '../ports/ports.ts';

const ROLES = ['admin', 'operator', 'viewer', 'receiver'] as const;

/** Tokens of `server.auth.tokens_file`: one `ROLE TOKEN [NAME]` a line, `#` begins a comment. Throws DriverError bad-request naming the line, never the token. */
export async function readTokensFile(files: Files, path: string, secrets: Pick<Secrets, 'sha256'>, nowMs: number): Promise<TokenRow[]> {
  const rows: TokenRow[] = [];
  for (const [i, line] of (await files.readText(path, 65_536)).split('\n').entries()) {
    const [role, token, name] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (!role) continue;
    if (!ROLES.includes(role as TokenRow['role']) || !token || token.length < 20) {
      throw new DriverError(
        'bad-request',
        `${path}, line ${i + 1}: expected \`ROLE TOKEN [NAME]\` with a role of ${ROLES.join(', ')} and a token of at least 20 characters`,
      );
    }
    rows.push({
      id: `file-${i + 1}`,
      name: name ?? `file-${i + 1}`,
      role: role as TokenRow['role'],
      hash: secrets.sha256(token),
      createdAtMs: nowMs,
      revokedAtMs: null,
    });
  }
  return rows;
}
