// SPDX-License-Identifier: Apache-2.0
import { jsonText } from '@local-datastore/shared/text/json-text';
import { Command } from 'commander';
import { imageVersionSchema } from '../../http/openapi/operation-schemas.ts';
import { OPERATIONS_API } from '../../http/permit-operation.ts';
import type { CommandContext } from '../command-context.ts';
import { resolveImage } from './change-images.ts';
import { addClientOptions, connectTo, requireImage } from './datastore-client.ts';
import { isJson } from './records.ts';

/** `datastore-app registry create IMAGE`. */
export function createVersionCommand(context: CommandContext): Command {
  const command = new Command('create')
    .description(
      'Makes an image that is there the next version of its repository: the next number, and latest.',
    )
    .argument('<image>', 'such as lab/app:build or lab/app@sha256:…');
  return addClientOptions(command).action(async (text: string) => {
    const image = requireImage(context, text);
    const client = await connectTo(command, context);
    const digest = await resolveImage(client, image);
    const body = { image: `oci:${image.repository}`, digest };
    const made = await client.read('POST', `${OPERATIONS_API}/create`, imageVersionSchema(), body);
    if (isJson(command)) context.stdout.write(jsonText(made));
    else context.stdout.write(`${image.repository}:${made.version}  ${digest}\n`);
  });
}
