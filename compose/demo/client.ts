// SPDX-License-Identifier: Apache-2.0
/**
 * A neighbour on the bridge that asks the application all the time, with a connection of its own each time, as
 * soon as it is told where it is; counts what fails, and tells when something changes.
 *
 * `POST /` with a URL: that is asked from now on. `GET /`: what was heard since the last time, as JSON.
 *
 * usage: client.ts [SOCKET]                where it is spoken with; without it at port 9000
 */
import { createServer, get } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import type { Tally } from './neighbour.ts';

const PORT = 9000;
const PAUSE_MS = 10;
const LIMIT_MS = 2000;

/** The first line of an answer; null: there was none, or it says that something is wrong. */
function ask(url: string): Promise<string | null> {
  return new Promise((resolve) => {
    const asked = get(url, { agent: false, timeout: LIMIT_MS }, (answer) => {
      text(answer).then(
        (said) => resolve(answer.statusCode === 200 ? said.trim() : null),
        () => resolve(null),
      );
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve(null));
  });
}

type Mutable<Of> = { -readonly [Key in keyof Of]: Of[Key] };
const newTally = (last: string): Mutable<Tally> & { readonly words: Record<string, number> } => ({
  asked: 0,
  failed: 0,
  silenceMs: 0,
  last,
  words: {},
});
let tally = newTally('');
let url = '';
let answeredAt = 0;
const tell = (line: string) => process.stdout.write(`${line}\n`);

const server = createServer((request, response) => {
  if (request.method === 'POST') {
    void text(request).then((body) => {
      url = body;
      tally = newTally('');
      answeredAt = performance.now();
      response.end();
    });
    return;
  }
  response.end(JSON.stringify(tally));
  tally = newTally(tally.last);
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(0));
server.listen(process.argv[2] ?? PORT);

let failedInARow = 0;
for (;;) {
  await delay(PAUSE_MS);
  if (url === '') continue;
  const said = await ask(url);
  const now = performance.now();
  tally.asked += 1;
  if (said === null) {
    tally.failed += 1;
    failedInARow += 1;
    tally.silenceMs = Math.max(tally.silenceMs, Math.round(now - answeredAt));
    continue;
  }
  const silenceMs = Math.round(now - answeredAt);
  tally.silenceMs = Math.max(tally.silenceMs, silenceMs);
  tally.words[said] = (tally.words[said] ?? 0) + 1;
  if (said !== tally.last || failedInARow > 0) {
    const isInterrupted = failedInARow > 0 && tally.last !== '';
    const after = isInterrupted
      ? `, after ${failedInARow} questions in vain, ${(silenceMs / 1000).toFixed(1)} s`
      : '';
    tell(`${said} answers${after}`);
  }
  tally.last = said;
  answeredAt = now;
  failedInARow = 0;
}
