import { toBase64 } from '../../../kit/http-auth.ts';
import type { DriverPorts } from '../../../ports/driver.ts';
import { DriverError } from '../../../ports/errors.ts';

/** Linode takes 16 KB of it, base64 counted. */
export const MOST_USER_DATA_BYTES = 12_288;

export function utf8Bytes(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** Encoded as the API wants it; undefined: there is none. Throws DriverError when the file cannot be read or is too long. */
export async function readUserData(
  template: { readonly user_data?: string | undefined; readonly user_data_file?: string | undefined },
  ports: Pick<DriverPorts, 'files' | 'baseDir'>,
): Promise<string | undefined> {
  if (template.user_data !== undefined) return toBase64(template.user_data);
  if (template.user_data_file === undefined) return undefined;
  const text = await ports.files.readText(ports.files.resolve(ports.baseDir, template.user_data_file), 65_536);
  const bytes = utf8Bytes(text);
  if (bytes > MOST_USER_DATA_BYTES) {
    throw new DriverError(
      'bad-request',
      `${template.user_data_file} has ${bytes} bytes of user data; Linode takes ${MOST_USER_DATA_BYTES} (16 KB when encoded)`,
    );
  }
  return toBase64(text);
}
