import { z } from 'zod';
import { duration, field, secretRef } from '../values.ts';

const NETWORK = z.union([z.cidrv4(), z.cidrv6(), z.ipv4(), z.ipv6()]);

const tls = field(
  z.strictObject({
    cert: field(z.string().min(1), 'Path of the certificate (PEM), with its chain; relative to the configuration file.', '/etc/drover/tls/cert.pem'),
    key: field(z.string().min(1), 'Path of the private key (PEM); relative to the configuration file.', '/etc/drover/tls/key.pem'),
  }),
  'Certificate for HTTPS. Needed for a listener beyond loopback.',
  { cert: '/etc/drover/tls/cert.pem', key: '/etc/drover/tls/key.pem' },
);

const secretsKey = field(
  z.union([
    z.strictObject({
      file: field(
        z.string().min(1).max(4096),
        'File with the key, relative to the configuration file; made at the first use if it is not there. Not readable by everyone.',
        '/etc/drover/secrets.key',
      ),
    }),
    z.strictObject({
      env: field(
        z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'the name of an environment variable is letters, digits and _'),
        'Environment variable with the key: 32 random bytes in base64.',
        'DROVER_SECRETS_KEY',
      ),
    }),
  ]),
  'Where the key is that encrypts the secrets set by `drover secret set`. Default: `secrets.key` in the state directory. A changed place counts from the next start.',
  { file: '/etc/drover/secrets.key' },
);

const auth = field(
  z.strictObject({
    tokens_file: field(
      z.string().min(1).optional(),
      'File with tokens to accept besides those in the state directory, one `ROLE TOKEN` a line; roles: admin, operator, viewer, receiver.',
      '/run/secrets/drover-tokens',
    ),
  }),
  'Who may use the API. At the first start an admin token is written to the state directory.',
  { tokens_file: '/run/secrets/drover-tokens' },
);

const network = z
  .string()
  .refine((text) => NETWORK.safeParse(text).success, 'a network is an address, or an address and a number of bits, e.g. `10.0.0.0/8` or `fd00::/8`');

const outbound = field(
  z
    .strictObject({
      deny: field(
        z.array(network).max(1000).prefault([]),
        'Networks that HTTP calls and TCP connections of drivers never reach, whatever name leads there. Link-local addresses and the metadata services of clouds always belong to them.',
        ['10.0.0.0/8', 'fd00::/8'],
      ),
      allow: field(z.array(network).max(1000).prefault([]), 'Exceptions: these may be called although they are denied, here or by default.', [
        '169.254.169.254',
      ]),
    })
    .prefault({}),
  'What drivers may call. Only this file can change it: `drover apply` refuses to.',
  { deny: ['10.0.0.0/8'] },
);

const retain = field(
  z
    .strictObject({
      decisions: field(duration({ min: '1h' }).prefault('90d'), 'How long decisions and their inputs are kept. A run of equal holds counts as one.', '90d'),
      events: field(duration({ min: '1h' }).prefault('365d'), 'How long events are kept; the chain of hashes is cut at a signed checkpoint.', '365d'),
      instances: field(duration({ min: '1h' }).prefault('90d'), 'How long machines that are gone are remembered.', '90d'),
    })
    .prefault({}),
  'How long history is kept.',
  { decisions: '90d' },
);

export const listenAddress = (example: string) =>
  z.string().regex(/^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]*):\d{1,5}$/, `an address is \`HOST:PORT\`, e.g. \`${example}\``);

export const serverSchema = field(
  z
    .strictObject({
      listen: field(
        listenAddress('127.0.0.1:8470').prefault('127.0.0.1:8470'),
        'Address of the API, HOST:PORT. Beyond loopback it needs `tls` or `insecure_http: true`.',
        '127.0.0.1:8470',
      ),
      state: field(
        z.string().min(1).prefault('./drover-state'),
        'Directory for the database, the first admin token and what drivers keep; relative to the configuration file.',
        '/var/lib/drover',
      ),
      secrets_key: secretsKey.optional(),
      tls: tls.optional(),
      insecure_http: field(
        z.boolean().prefault(false),
        'Allow plain HTTP beyond loopback. Tokens then cross the network readable: only behind a proxy that adds TLS.',
        false,
      ),
      auth: auth.prefault({}),
      open: field(
        z.array(z.enum(['metrics', 'sd'])).prefault([]),
        'Routes that need no token beyond loopback: `metrics` (/metrics), `sd` (/sd). On loopback both are always open.',
        ['metrics', 'sd'],
      ),
      outbound,
      retain,
      install_id: field(
        z
          .string()
          .regex(/^[a-z0-9][a-z0-9-]{3,62}$/, 'an install id is 4 to 63 of a-z, 0-9 and -')
          .optional(),
        'Identifies this installation in the tags of its machines. Written down here, losing the state directory does not make machines foreign. Default: made at the first start and kept in the state directory.',
        'k3v9x2m4',
      ),
      log_level: field(z.enum(['debug', 'info', 'warn', 'error']).prefault('info'), 'Least severity that is logged.', 'info'),
    })
    .prefault({}),
  'The controller itself: where it listens, what it keeps.',
  { listen: '127.0.0.1:8470', state: '/var/lib/drover' },
);

const header = () => z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/, 'must be a header name');
/** Two live secrets, so that senders can be moved to a new one without a gap. */
const secretOrTwo = () => z.union([secretRef(), z.array(secretRef()).min(1).max(2)]);

/** How a sender of alerts proves itself. */
export const receiverAuthSchema = field(
  z
    .union([
      z.enum(['token', 'none']),
      z.strictObject({
        bearer: field(secretOrTwo(), 'Expected in `Authorization: Bearer`; one secret, or two while it is being changed.', { file: '/run/secrets/am-token' }),
      }),
      z.strictObject({
        basic: field(
          z.strictObject({
            username: field(z.string().min(1).max(200), 'User name the sender gives.', 'alertmanager'),
            password: field(secretOrTwo(), 'Password the sender gives; one secret, or two while it is being changed.', { file: '/run/secrets/am-password' }),
          }),
          'Expected in `Authorization: Basic`.',
          { username: 'alertmanager', password: { file: '/run/secrets/am-password' } },
        ),
      }),
      z.strictObject({
        hmac: field(
          z.strictObject({
            secret: field(secretOrTwo(), 'Key of the HMAC-SHA256 over the body; one secret, or two while it is being changed.', {
              file: '/run/secrets/grafana-hmac',
            }),
            header: field(header().optional(), 'Header with the signature in hex. Default: the one of the alert format.', 'X-Grafana-Alerting-Signature'),
            timestamp_header: field(
              header().optional(),
              'Header with the Unix time in seconds. When set, a signature is 300 s old at most and counts once.',
              'X-Timestamp',
            ),
            prefix: field(z.string().max(20).optional(), 'What stands before the hex digits. Default: that of the alert format, else nothing.', 'sha256='),
          }),
          'A signature of the body with a shared key.',
          { secret: { file: '/run/secrets/grafana-hmac' } },
        ),
      }),
    ])
    .prefault('token'),
  'How senders prove themselves: `token` (a token of Drover with the role receiver), `{ bearer }`, `{ basic: { username, password } }`, `{ hmac: { secret } }`, or `none`, which is allowed on a loopback listener only.',
  { bearer: { file: '/run/secrets/am-token' } },
);
