import { ApiError, type Client, createClient } from '../api/client.ts';
import { DriverError } from '../app/cli-parts.ts';
import { CliError } from './cli-error.ts';
import type { Context } from './context.ts';
import { EXIT } from './exit-codes.ts';
import { findServer, type ServerPlace } from './find-server.ts';
import { createPlainHttp } from './plain-http.ts';
import { safeDeep } from './text.ts';

/** A client of the controller that was found; its errors are CliErrors, and its answers are safe to print. */
export async function connect(ctx: Context): Promise<Client> {
  const place = await findServer(ctx);
  const http = createPlainHttp();
  const client = createClient({ url: place.url, token: place.token, http, timeoutMs: ctx.globals.timeoutMs, ...(place.ca === null ? {} : { ca: place.ca }) });
  const wrapped = Object.fromEntries(
    Object.entries(client).map(([name, call]) => [
      name,
      async (...input: never[]) => {
        try {
          // JSON keeps every text as it is: it escapes what could steer a terminal.
          const answer: unknown = await (call as (...input: never[]) => Promise<unknown>)(...input);
          return ctx.globals.json ? answer : safeDeep(answer);
        } catch (e) {
          throw explainFailure(e, place);
        }
      },
    ]),
  );
  // Same names, same answers.
  return wrapped as unknown as Client;
}

/** What went wrong between us and the controller, with its exit code. */
export function explainFailure(e: unknown, place: ServerPlace): unknown {
  if (e instanceof ApiError) return ofApi(e, place);
  if (!(e instanceof DriverError)) return e;
  if (e.code === 'bad-request') return new CliError(EXIT.usage, 'usage', e.message);
  const help = place.stateDir === null ? [] : ['is it running? start it with:  drover serve', `this address was found in ${place.from}`];
  return new CliError(
    EXIT.unreachable,
    'unreachable',
    `nothing answers at ${place.url}: ${e.message}`,
    help.length > 0 ? help : [`this address comes from ${place.from}`],
  );
}

function ofApi(e: ApiError, place: ServerPlace): CliError {
  const code = e.problem?.code ?? 'foreign-answer';
  const more = e.problem === null ? {} : { problem: e.problem };
  const text = safeDeep(e.message);
  switch (true) {
    case e.problem === null:
      return new CliError(EXIT.unreachable, code, text, [`this address comes from ${place.from}`]);
    case e.status === 401: {
      const without =
        place.token === null ? ['no token was sent: give one with --token-file or DROVER_TOKEN'] : [`the token comes with ${place.from}; it may be revoked`];
      return new CliError(EXIT.notAllowed, code, text, without, more);
    }
    case e.status === 403:
      return new CliError(EXIT.notAllowed, code, text, [], more);
    case e.status === 404:
      return new CliError(EXIT.notFound, code, text, [], more);
    case code === 'config-invalid':
      return new CliError(EXIT.invalid, code, text, [], more);
    case e.status === 409:
      return new CliError(EXIT.refused, code, text, [], more);
    case e.status === 429 || e.status === 503:
      return new CliError(EXIT.unreachable, code, text, e.retryAfterS === null ? [] : [`try again in ${e.retryAfterS} s`], more);
    case e.status >= 500:
      return new CliError(EXIT.failed, code, text, e.problem === null ? [] : [`request ${e.problem.request_id}`], more);
    default:
      return new CliError(
        EXIT.usage,
        code,
        text,
        // The message names every field already.
        [],
        more,
      );
  }
}
