// SPDX-License-Identifier: Apache-2.0
import { pipeline } from 'node:stream/promises';
import { Command } from 'commander';
import { REGISTRY_API } from '../../http/registry-gate.ts';
import type { CommandContext } from '../command-context.ts';
import { AnswerError } from '../exit-code.ts';
import { addClientOptions, connectTo } from './datastore-client.ts';

/** `datastore-app registry inventory`. */
export function inventoryCommand(context: CommandContext): Command {
  const command = new Command('inventory').description(
    'Lists the blobs that are here as a JSON document: what `registry export --except` elsewhere may leave out.',
  );
  return addClientOptions(command).action(async () => {
    const { ask } = await connectTo(command, context);
    const response = await ask('GET', `${REGISTRY_API}/inventory`);
    if (response.body === null) throw new AnswerError('DATASTORE_FAILED', 'the datastore sent no inventory');
    await pipeline(response.body, context.output, { end: false });
  });
}
