// SPDX-License-Identifier: Apache-2.0
import { glob, readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import { type AssignmentPiece, type Assignments, assignImages } from './assigned-images.ts';

const MAX_FILES = 1000;
/** Of all together: thousands of content trees. */
const MAX_BYTES = 32 * 1024 * 1024;

async function listFiles(patterns: readonly string[]): Promise<string[]> {
  const files = new Set<string>();
  for (const pattern of patterns) {
    for await (const file of glob(pattern)) {
      if (files.size >= MAX_FILES) return [...files].sort();
      if (!basename(file).startsWith('.')) files.add(file);
    }
  }
  return [...files].sort();
}

async function signatureOf(file: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
    return [file, dev, ino, size, mtimeNs, ctimeNs].join();
  } catch (error) {
    return `${file} ! ${systemErrorCode(error)}`;
  }
}

/** What a file holds. @throws Error saying why it cannot be read, and nothing of what stands in it */
async function readDocument(
  file: string,
  leftBytes: number,
): Promise<{ document: unknown; sizeBytes: number }> {
  const facts = await stat(file);
  // Reading a pipe may never end.
  if (!facts.isFile()) throw new Error('it is no file');
  if (facts.size > leftBytes) throw new Error(`more than ${MAX_BYTES} bytes of device configurations`);
  const text = await readFile(file, 'utf8');
  try {
    return { document: JSON.parse(text.replace(/^\ufeff/, '')), sizeBytes: facts.size };
  } catch {
    throw new Error('it is not JSON');
  }
}

/** Device configurations that assign images, read again when they change. */
export interface AssignmentFiles {
  /** What they assign, as of the last look. */
  current(): Assignments;
  /** Looks for changes. @param patterns of files, absolute @returns whether something is new */
  look(patterns: readonly string[]): Promise<boolean>;
}

/** @param isOwnHost as {@link assignImages} has it */
export function createAssignmentFiles(isOwnHost: (host: string) => boolean): AssignmentFiles {
  let seen = '';
  let current: Assignments = { grants: [], problems: [] };
  return {
    current: () => current,
    async look(patterns) {
      const files = await listFiles(patterns);
      const signature = (await Promise.all(files.map(signatureOf))).join(';');
      if (signature === seen) return false;
      const pieces: AssignmentPiece[] = [];
      const problems: string[] = [];
      let leftBytes = MAX_BYTES;
      for (const file of files) {
        try {
          const { document, sizeBytes } = await readDocument(file, leftBytes);
          leftBytes -= sizeBytes;
          pieces.push({ name: file, document });
        } catch (error) {
          problems.push(`${file}: ${errorMessage(error)}`);
        }
      }
      const assigned = assignImages(pieces, isOwnHost);
      current = { grants: assigned.grants, problems: [...problems, ...assigned.problems] };
      seen = signature;
      return true;
    },
  };
}
