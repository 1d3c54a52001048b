// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { addOptions } from '@local-datastore/shared/command-line/options';
import { ConfigurationError, errorMessage } from '@local-datastore/shared/errors';
import { jsonText } from '@local-datastore/shared/text/json-text';
import { Command } from 'commander';
import * as z from 'zod';
import { LISTENER_OPTIONS } from '../config.ts';
import type { CommandContext } from './command-context.ts';
import { readSettings } from './effective-options.ts';
import { AnswerError } from './exit-code.ts';
import { type Listener, localUrl } from './local-url.ts';

/** Who answers later is of no use to devices. */
const ANSWER_LIMIT_MS = 10_000;
const MAX_ANSWER_BYTES = 1024 * 1024;

/** What `/-/readyz` answers, both ways. */
const healthSchema = z.object({
  status: z.union([z.literal('ok'), z.number()]),
  reasons: z.array(z.string()).default([]),
  warnings: z.array(z.string()).default([]),
});

/** Without `fetch`, which takes as long to load as all else here. */
async function askReadiness(origin: string, signal: AbortSignal) {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_LIMIT_MS)]);
  const asked = request(`${origin}/-/readyz`, { agent: false, signal: limited }).end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  const pieces: Buffer[] = [];
  let sizeBytes = 0;
  for await (const piece of response as AsyncIterable<Buffer>) {
    sizeBytes += piece.length;
    if (sizeBytes > MAX_ANSWER_BYTES) break;
    pieces.push(piece);
  }
  return { isReady: response.statusCode === 200, body: parseJson(Buffer.concat(pieces).toString()) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `datastore-app health`: whether the datastore of this machine serves devices. */
export function healthCommand({ stdout, signal }: CommandContext): Command {
  const command = new Command('health')
    .summary('whether the datastore of this machine serves devices')
    .description(
      'Asks the datastore of this machine, where the settings say that it listens, whether it serves devices. Exit code 0: it does; 3: nobody answers; 4: it does not, for the reasons that are told.',
    );
  addOptions(command, LISTENER_OPTIONS).option('--json', 'print one JSON document');
  return command.action(async () => {
    const { json, ...listener } = readSettings<Listener & { readonly json?: true }>(command);
    if (listener.port === 0) throw new ConfigurationError('--port 0 is any: say on which one it listens');
    const { origin } = localUrl(listener);
    const { isReady, body } = await askReadiness(origin, signal).catch((error: Error) => {
      throw new AnswerError(
        'DATASTORE_UNREACHABLE',
        `no datastore answers at ${origin}: ${errorMessage(error)}`,
      );
    });
    const parsed = healthSchema.safeParse(body);
    if (!parsed.success) {
      throw new AnswerError('DATASTORE_FAILED', `${origin} answers something else than a datastore does`);
    }
    const { reasons, warnings } = parsed.data;
    if (json === true) stdout.write(jsonText({ url: origin, isReady, reasons, warnings }));
    else if (isReady) stdout.write(['ready', ...warnings.map((text) => `  warning: ${text}`), ''].join('\n'));
    if (!isReady) {
      throw new AnswerError(
        'DATASTORE_FAILED',
        `the datastore at ${origin} is not ready: ${reasons.join(' ')}`,
      );
    }
  });
}
