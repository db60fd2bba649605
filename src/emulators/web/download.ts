/** `GET /download?seconds=N&bytes=M`: an answer that takes its time, as a large file over a slow line does. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const MAX_SECONDS = 600;
const MAX_BYTES = 100_000_000;
const PIECES_PER_SECOND = 10;

/** `seconds` 0 to 600 (default 1), `bytes` 1 to 100,000,000 (default 10,000). 400 for anything else. Never rejects. */
export async function serveDownload(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { searchParams } = new URL(request.url ?? '/', 'http://web');
  const seconds = Number(searchParams.get('seconds') ?? 1);
  const bytes = Number(searchParams.get('bytes') ?? 10_000);
  if (!(seconds >= 0 && seconds <= MAX_SECONDS) || !(Number.isInteger(bytes) && bytes >= 1 && bytes <= MAX_BYTES)) {
    response.writeHead(400, { 'content-type': 'text/plain; charset=utf-8' }).end(`seconds: 0 to ${MAX_SECONDS}; bytes: 1 to ${MAX_BYTES}\n`);
    return;
  }
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': bytes });
  const pieces = Math.min(bytes, Math.max(1, Math.round(seconds * PIECES_PER_SECOND)));
  const startMs = performance.now();
  let sent = 0;
  for (let piece = 1; piece <= pieces && !response.destroyed; piece++) {
    // The last piece comes when the time is over.
    await sleep(Math.max(0, startMs + (seconds * 1000 * piece) / pieces - performance.now()));
    const upTo = Math.floor((bytes * piece) / pieces);
    if (!response.write(Buffer.alloc(upTo - sent, 'x')) && !response.destroyed) await drained(response);
    sent = upTo;
  }
  response.end();
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}
