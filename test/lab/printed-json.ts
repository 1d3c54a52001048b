// SPDX-License-Identifier: Apache-2.0
import type { OutputTable } from '@local-datastore/shared/command-line/output-schema';
import { expect } from 'vitest';
import { OUTPUTS as DATASTORE_OUTPUTS } from '../../datastore-app/src/cli/output-schemas.ts';
import { OUTPUTS as AGENT_OUTPUTS } from '../../eve-agent/src/cli/output-schemas.ts';

/** Which command of a table is called: its name may have several words. */
function commandOf({ outputs }: OutputTable, args: readonly string[]): string {
  const names = [1, 2, 3].map((count) => args.slice(0, count).join(' '));
  const name = names.findLast((each) => Object.hasOwn(outputs, each));
  if (name === undefined) throw new Error(`no command that prints JSON: ${args.join(' ')}`);
  return name;
}

/**
 * Reads what a command printed with `--json`, and holds it against the schema that is published of it: what that says
 * is there, and nothing else.
 */
function createReader(table: OutputTable) {
  return (args: readonly string[], stdout: string) => {
    const command = commandOf(table, args);
    const { schema, isLines } = table.outputs[command] ?? {};
    const texts = isLines === true ? stdout.split('\n').filter((line) => line !== '') : [stdout];
    const documents = texts.map((text) => JSON.parse(text));
    // A schema of zod leaves out what it does not know.
    for (const document of documents) expect(schema?.().parse(document), command).toEqual(document);
    return isLines === true ? documents : documents[0];
  };
}

/** @param args of the command line, from the command on */
export const readDatastoreJson = createReader(DATASTORE_OUTPUTS);
/** @param args of the command line, from the command on */
export const readAgentJson = createReader(AGENT_OUTPUTS);
