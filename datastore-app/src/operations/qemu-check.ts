// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { type Defect, damaged } from '../formats/file-format.ts';
import type { CheckByProgram } from './file-operations.ts';

const PROGRAM = 'qemu-img';
/** No secret of ours goes along. */
const ENVIRONMENT = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' };
const TIMEOUT_MS = 1_800_000;
const MAX_OUTPUT_BYTES = 1024 * 1024;
/** qemu-img(1), "check": 2: errors were found; 3: only clusters that are counted and not used; 63: not for this format. */
const HAS_ERRORS = 2;

/** The last lines tell what came of it. */
const summaryOf = (output: string): string =>
  output
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(0, 3)
    .join(' ')
    .replace(/[^\x20-\x7e]/g, '?')
    .slice(0, 300);

/**
 * What QEMU's own check says, where it is installed. It is told the format, so that it guesses none, and is never shown
 * an image that leads to other files.
 */
export const checkByQemu: CheckByProgram = (file, qemuName, signal) =>
  new Promise((resolve, reject) => {
    const args = ['check', '-U', '-f', qemuName, '--', file];
    const options = {
      signal,
      timeout: TIMEOUT_MS,
      maxBuffer: MAX_OUTPUT_BYTES,
      env: ENVIRONMENT,
    };
    execFile(PROGRAM, args, options, (error, stdout, stderr) => {
      const found: readonly Defect[] = [damaged(`qemu-img check: ${summaryOf(`${stderr}\n${stdout}`)}`)];
      if (error === null) resolve([]);
      else if (signal.aborted) reject(error);
      else if (error.code === HAS_ERRORS) resolve(found);
      // Not installed, not for this format, or out of time: nothing is said of the image.
      else resolve(undefined);
    });
  });
