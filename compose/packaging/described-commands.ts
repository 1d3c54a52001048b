// SPDX-License-Identifier: Apache-2.0
import type { DescribedCommand } from '@local-datastore/shared/command-line/command-table';
import type { ManualTexts } from '@local-datastore/shared/command-line/manual-page';
import { silentLog } from '@local-datastore/shared/log';
import { createClosing } from '../../datastore-app/src/cli/closing.ts';
import { MANUAL_TEXTS as DATASTORE_TEXTS } from '../../datastore-app/src/cli/manual-texts.ts';
import { describeProgram as describeDatastore } from '../../datastore-app/src/cli/program.ts';
import { MANUAL_TEXTS as AGENT_TEXTS } from '../../eve-agent/src/cli/manual-texts.ts';
import { describeProgram as describeAgent } from '../../eve-agent/src/cli/program.ts';
import { type Program, versionOf } from './package-description.ts';

/** What manual page and completions of a program are made of. */
export interface DescribedCommands {
  readonly program: DescribedCommand;
  readonly manual: ManualTexts;
}

/** The definitions of a program's commands, none of which is run. */
export async function describeCommands(name: Program): Promise<DescribedCommands> {
  const { stdin: input, stdout, stderr } = process;
  const common = { stdout, stderr, signal: new AbortController().signal, createLog: () => silentLog };
  if (name === 'eve-agent') {
    const program = await describeAgent({ ...common, terminal: { input, output: stdout } });
    return { program, manual: AGENT_TEXTS };
  }
  const program = await describeDatastore({
    ...common,
    ...{ version: await versionOf(name), terminal: undefined, input, output: stdout },
    closing: createClosing(),
    createBufferedLog: () => ({ log: silentLog, stop: () => {} }),
  });
  return { program, manual: DATASTORE_TEXTS };
}
