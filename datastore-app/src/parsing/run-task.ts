// SPDX-License-Identifier: Apache-2.0
import { detectFormat } from '../formats/describe-image.ts';
import { collectDefects } from '../formats/file-format.ts';
import { findTarMember } from '../formats/tar-members.ts';
import type { FileParser, ParsedFile, ParseOutcomes, ParseTask } from './file-parser.ts';

type Run<Task extends ParseTask> = (file: ParsedFile, signal: AbortSignal) => Promise<ParseOutcomes[Task]>;

const RUNS: { readonly [Task in ParseTask]: Run<Task> } = {
  async describe({ readAt, sizeBytes }) {
    const { format, description } = await detectFormat(readAt, sizeBytes);
    return { format: format.name, description };
  },
  async list({ readAt, sizeBytes }) {
    const { format, description, source } = await detectFormat(readAt, sizeBytes);
    return { format: format.name, description, members: (await format.members?.(source)) ?? [] };
  },
  async disks({ readAt, sizeBytes }) {
    const { format, source } = await detectFormat(readAt, sizeBytes);
    return { disks: (await format.disks?.(source)) ?? [] };
  },
  async validate({ readAt, sizeBytes, hashOf }, signal) {
    if (hashOf === undefined) throw new Error('validation needs the digests of parts');
    const { format, description, source } = await detectFormat(readAt, sizeBytes);
    const defects = await collectDefects(format.validate({ ...source, hashOf, signal }));
    return { format: format.name, description, defects };
  },
  member: ({ readAt }) => findTarMember(readAt, 0),
};

/** Does a task in the process that runs. @throws what reading the file throws; the signal's reason */
export const runTask = <Task extends ParseTask>(
  task: Task,
  file: ParsedFile,
  signal: AbortSignal,
): Promise<ParseOutcomes[Task]> => RUNS[task](file, signal);

const NEVER = new AbortController().signal;

/** Parses where it is asked to, with all rights of that process. */
export const ownParser: FileParser = {
  parse: (task, file, signal = NEVER) => runTask(task, file, signal),
};
