// SPDX-License-Identifier: Apache-2.0
/**
 * A client that asks for a URL all the time, with a new connection each: `ask-on.ts URL`. Prints a JSON line once it
 * has its first answer, and one with what it has seen when SIGTERM ends it; a line on standard input: one with what it
 * has seen since the last.
 */
import { request } from 'node:http';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type { Seen } from './asker.ts';

const INTERVAL_MS = 3;
const LIMIT_MS = 3000;
const url = process.argv[2] ?? '';
const say = (line: object) => void process.stdout.write(`${JSON.stringify(line)}\n`);

const ask = () =>
  new Promise<string | null>((resolve) => {
    const asked = request(url, { agent: false, signal: AbortSignal.timeout(LIMIT_MS) });
    asked.once('error', () => resolve(null));
    asked.once('response', (response) => {
      let text = '';
      response.on('data', (bytes) => {
        text += bytes;
      });
      response.once('error', () => resolve(null));
      response.once('end', () => resolve(response.statusCode === 200 ? text : null));
    });
    asked.end();
  });

const nothing = (): Seen => ({ asked: 0, failed: 0, longestSilenceMs: 0, words: {} });
let seen = nothing();
let lastMs = performance.now();
const report = () => {
  say(seen);
  seen = nothing();
  lastMs = performance.now();
};
process.once('SIGTERM', () => {
  report();
  process.exit(0);
});
createInterface({ input: process.stdin }).on('line', report);

for (let hasBegun = false; ; await delay(INTERVAL_MS)) {
  const word = await ask();
  seen.asked += 1;
  const nowMs = performance.now();
  if (word === null) seen.failed += 1;
  else {
    seen.words[word] = (seen.words[word] ?? 0) + 1;
    seen.longestSilenceMs = Math.max(seen.longestSilenceMs, nowMs - lastMs);
    lastMs = nowMs;
    if (!hasBegun) {
      say({ begun: true });
      seen = nothing();
    }
    hasBegun = true;
  }
}
