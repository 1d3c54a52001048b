// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { mixLanes } from './mix-lanes.ts';

export const WORKSPACE = join(import.meta.dirname, '../..');
/** How long files took, in seconds, but for short ones of the kind `unit`: `TEST_TIMES=true npm test` writes it anew. */
export const TIMES_FILE = join(import.meta.dirname, 'file-times.json');
/** Of those that are not in it: what is new may take long. */
const secondsOfOther = (kind: string) => (isMostlyShort(kind) ? 1 : 60);

/** Of which kind so many are short that they are not kept apart. */
export const isMostlyShort = (kind: string): boolean => kind === 'unit';

export const nameOfFile = (path: string): string => relative(WORKSPACE, path);

/**
 * The order in which files begin: a lane for each kind of tests. vitest's own order is one kind after another, with
 * what computes together, what waits together, and long files at the very end.
 */
export default class FileSequencer extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const times: Record<string, number> = JSON.parse(readFileSync(TIMES_FILE, 'utf8'));
    const lanes = Map.groupBy(files, ({ project }) => project.name);
    return mixLanes(
      [...lanes].map(([kind, lane]) =>
        lane.map((file) => ({ file, seconds: times[nameOfFile(file.moduleId)] ?? secondsOfOther(kind) })),
      ),
    );
  }
}
