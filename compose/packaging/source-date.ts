// SPDX-License-Identifier: Apache-2.0
import { workspace } from '../program-bundle.ts';
import { runTool } from './run-tool.ts';

/** When the sources were committed; undefined: they are in no repository, or git is not there. */
function commitSeconds(): string | undefined {
  try {
    return runTool(['git', '-C', workspace, 'log', '-1', '--format=%ct']).trim();
  } catch {
    return undefined;
  }
}

/**
 * The time that everything built is given, so that the same sources make the same files: `SOURCE_DATE_EPOCH` (seconds),
 * as reproducible-builds.org defines it, else that of the last commit, else now.
 *
 * @throws Error when SOURCE_DATE_EPOCH is no number of seconds
 */
export function sourceDate(): Date {
  const seconds = process.env.SOURCE_DATE_EPOCH ?? commitSeconds();
  if (seconds === undefined) return new Date();
  if (!/^\d{1,11}$/.test(seconds)) throw new Error(`SOURCE_DATE_EPOCH is "${seconds}": seconds expected`);
  return new Date(Number(seconds) * 1000);
}
