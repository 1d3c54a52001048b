// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Namespace } from '../namespace.ts';

/** What a client has seen. */
export interface Seen {
  asked: number;
  failed: number;
  longestSilenceMs: number;
  /** How often it was answered with what. */
  readonly words: Record<string, number>;
}

export interface Asker {
  /** Since the last time. */
  look(): Promise<Seen>;
  stop(): Promise<Seen>;
}

/**
 * A client somewhere that asks for a URL all the time. Resolves when it has its first answer. It stands for another
 * machine: what keeps this one busy must not make it late to what it was answered, so it goes before others.
 */
export async function startAsker(place: Namespace, url: string): Promise<Asker> {
  const program = fileURLToPath(new URL('./ask-on.ts', import.meta.url));
  const child = place.start(['nice', '-n', '-20', process.execPath, program, url], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  if (child.stdin === null || child.stdout === null) throw new Error('no pipes');
  const { stdin } = child;
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => JSON.parse((await lines.next()).value as string) as Seen;
  await next();
  return {
    async look() {
      stdin.write('\n');
      return await next();
    },
    async stop() {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      const seen = await next();
      await ended;
      return seen;
    },
  };
}
