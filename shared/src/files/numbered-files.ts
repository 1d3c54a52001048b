// SPDX-License-Identifier: Apache-2.0
import { readdir } from 'node:fs/promises';
import { systemErrorCode } from '../errors.ts';

const FILE_NAME = /^(\d{8,12})\.jsonl$/;

/** The name of one of several files that go on from each other, such as `00000001.jsonl`. */
export const numberedFileName = (number: number): string => `${String(number).padStart(8, '0')}.jsonl`;

/** @returns the numbers of such names, in order; other names are left out */
export function numbersOf(names: readonly string[]): number[] {
  const numbers = names.flatMap((name) => {
    const number = Number(FILE_NAME.exec(name)?.[1]);
    return numberedFileName(number) === name ? [number] : [];
  });
  return numbers.sort((a, b) => a - b);
}

/** @returns the numbers of the files that are there, in order; none where there is no folder */
export async function listNumberedFiles(folder: string): Promise<readonly number[]> {
  try {
    return numbersOf(await readdir(folder));
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw error;
  }
}
