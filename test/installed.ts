// SPDX-License-Identifier: Apache-2.0
/** What is installed on this machine. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

/** Daemons stand in the `sbin` folders, which are not on everybody's search path. */
const SEARCH_PATH = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'].filter(Boolean);

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export const isInstalled = (program: string) =>
  SEARCH_PATH.some((folder) => isExecutable(join(folder, program)));

/** Why programs are not there, as one sentence with the way out; undefined: they are. */
export function whyNoPrograms(debianPackage: string, ...programs: readonly string[]): string | undefined {
  const missing = programs.filter((program) => !isInstalled(program));
  if (missing.length === 0) return undefined;
  return `${missing.join(' and ')} not found: install the package ${debianPackage}`;
}

/** As whyNoPrograms, of a file that can be read. */
export function whyNoFile(debianPackage: string, file: string): string | undefined {
  return spawnSync('test', ['-r', file]).status === 0
    ? undefined
    : `${file} not found: install the package ${debianPackage}`;
}

/** As whyNoPrograms, of a character device. */
export const whyNoDevice = (device: string): string | undefined =>
  spawnSync('test', ['-c', device]).status === 0 ? undefined : `the kernel has no ${device}`;
