// SPDX-License-Identifier: Apache-2.0
/** Asks for a URL every 100 ms, `poll-status.ts URL`, and prints each status as a JSON line; 0: no answer. */
import { setTimeout as delay } from 'node:timers/promises';

const INTERVAL_MS = 100;
const url = process.argv[2] ?? '';

for (;;) {
  const response = await fetch(url).catch(() => undefined);
  await response?.arrayBuffer();
  process.stdout.write(`${JSON.stringify({ status: response?.status ?? 0 })}\n`);
  await delay(INTERVAL_MS);
}
