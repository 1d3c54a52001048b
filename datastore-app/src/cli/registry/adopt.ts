// SPDX-License-Identifier: Apache-2.0
import { jsonText } from '@local-datastore/shared/text/json-text';
import { countText } from '@local-datastore/shared/text/quantities';
import { Command, InvalidArgumentError, Option } from 'commander';
import { parseWantedName } from '../../archive-imports/wanted-name.ts';
import { REGISTRY_API } from '../../http/registry-gate.ts';
import { importReportSchema } from '../../http/routes/registry-import.ts';
import type { CommandContext } from '../command-context.ts';
import { ImportFailedError } from '../exit-code.ts';
import { tellReport } from '../import/tell-report.ts';
import { addClientOptions, connectTo } from './datastore-client.ts';
import { isJson } from './records.ts';

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** `datastore-app registry adopt ARCHIVE`. */
export function adoptCommand(context: CommandContext): Command {
  const command = new Command('adopt')
    .description('Copies the images of an archive among the images into the registry: then the file may go.')
    .argument('<archive>', 'its repository, such as archives/linux/app')
    .addOption(
      new Option(
        '--as <name>',
        'how they are to be called, such as lab/app (default: without archives/)',
      ).argParser((text) => {
        const parsed = parseWantedName(text);
        if (parsed.kind === 'invalid') throw new InvalidArgumentError(parsed.reason);
        return text;
      }),
    );
  return addClientOptions(command).action(async (from: string) => {
    const { as } = command.opts<{ readonly as?: string }>();
    const client = await connectTo(command, context);
    const query = new URLSearchParams({ from, ...(as !== undefined && { name: as }) });
    const path = `${REGISTRY_API}/adopt?${query}`;
    const report = await client.upload(path, nothing(), importReportSchema());
    if (isJson(command)) context.stdout.write(jsonText(report));
    else tellReport(context, report);
    const [first] = report.failed;
    if (first === undefined) return;
    throw new ImportFailedError(
      first.code,
      `could not be adopted: ${countText(report.failed.length, 'image')}`,
    );
  });
}
