// SPDX-License-Identifier: Apache-2.0
import { jsonText } from '@local-datastore/shared/text/json-text';
import { Command } from 'commander';
import { importJobAnswerSchema, importJobsAnswerSchema } from '../../http/routes/import-jobs.ts';
import { hasEnded } from '../../registry-imports/import-job.ts';
import type { CommandContext } from '../command-context.ts';
import { IMPORTS_PATH } from '../import/follow-imports.ts';
import { jobsText, outcomeText, progressText } from '../import/import-views.ts';
import { addClientOptions, connectTo } from './datastore-client.ts';
import { isJson } from './records.ts';

/** `datastore-app registry imports`. */
export function importsCommand(context: CommandContext): Command {
  const { stdout, stderr } = context;
  const command = new Command('imports')
    .description('Shows the imports that were asked for, and how far they are.')
    .option('--cancel <id>', 'end one that goes on, or forget one that has ended')
    .option('--retry <id>', 'do one again that failed or was cancelled');
  return addClientOptions(command).action(async () => {
    const { cancel, retry } = command.opts<{ cancel?: string; retry?: string }>();
    const client = await connectTo(command, context);
    if (cancel !== undefined) {
      await client.ask('DELETE', `${IMPORTS_PATH}/${encodeURIComponent(cancel)}`);
      if (isJson(command)) stdout.write(jsonText({ id: cancel }));
      else stderr.write(`${cancel} is cancelled, or forgotten\n`);
      return;
    }
    if (retry !== undefined) {
      const path = `${IMPORTS_PATH}/${encodeURIComponent(retry)}/retry`;
      const job = await client.read('POST', path, importJobAnswerSchema());
      if (isJson(command)) stdout.write(jsonText(job));
      else stderr.write(`${job.id} is done again\n`);
      return;
    }
    const { imports } = await client.read('GET', IMPORTS_PATH, importJobsAnswerSchema());
    if (isJson(command)) {
      stdout.write(jobsText(imports));
      return;
    }
    for (const job of imports) {
      const text = hasEnded(job.state) ? outcomeText(job) : progressText(job, undefined);
      stdout.write(`${job.id}  ${text}\n`);
    }
  });
}
