// SPDX-License-Identifier: Apache-2.0
import { contentTreeStatusSchema } from '@local-datastore/shared/eve/content-tree-status';
import { jsonText } from '@local-datastore/shared/text/json-text';
import { Command } from 'commander';
import { addConfigurableOptions } from '../config.ts';
import type { TreeAction } from '../reconcile/reconciler.ts';
import { CLIENT_OPTIONS, type ClientOptions, connectAgent } from './agent-client.ts';
import type { CommandContext } from './command-context.ts';
import { CONTENT_TREES, findNamed } from './named-things.ts';
import { statusTable } from './status-table.ts';

const SUMMARIES: Readonly<Record<TreeAction, string>> = {
  pause: 'stop a content tree’s download; what has arrived is kept',
  resume: 'let a content tree go on that was paused or cancelled',
  cancel: 'stop a content tree’s download and remove what has arrived',
  retry: 'try a content tree again at once, whatever it waits for',
};

/** `eve-agent pause`, `resume`, `cancel` and `retry`. */
export const treeActionCommand =
  (action: TreeAction) =>
  ({ stdout, signal }: CommandContext): Command => {
    const command = new Command(action)
      .summary(SUMMARIES[action])
      .description(`Asks the running agent to ${SUMMARIES[action]}.`)
      .argument(
        '<tree...>',
        'content trees: names or uuids of "eve-agent status", or unique beginnings of them',
      );
    return addConfigurableOptions(command, CLIENT_OPTIONS).action(async (texts: readonly string[]) => {
      const options = command.opts<ClientOptions>();
      const client = connectAgent(options);
      const uuids = await findNamed(client, CONTENT_TREES, texts, signal);
      const statuses = [];
      for (const uuid of uuids) {
        const answer = await client.ask('POST', `/v1/content-trees/${uuid}/${action}`, signal);
        statuses.push(contentTreeStatusSchema.parse(answer));
      }
      stdout.write(options.json === true ? jsonText(statuses) : statusTable(statuses, stdout.columns));
    });
  };
