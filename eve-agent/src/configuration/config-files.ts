// SPDX-License-Identifier: Apache-2.0
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type Clock, waitUnlessAborted } from '@local-datastore/shared/clock';
import { errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import type { ConfigProblem } from '@local-datastore/shared/eve/config-entry';
import { type ConfigBudget, createConfigBudget, MAX_CONFIG_BYTES, parseConfigText } from './config-text.ts';
import type { ConfigPiece } from './configuration.ts';

/** A look at a configuration on the disk. */
export type ConfigReading =
  | { readonly kind: 'pieces'; readonly pieces: readonly ConfigPiece[] }
  /** A folder without any fragment. That is no wish for nothing: it is made by an installation, or not mounted yet. */
  | { readonly kind: 'none' }
  /** The file or folder itself cannot be looked at. */
  | { readonly kind: 'unreadable'; readonly problems: readonly ConfigProblem[] };

const POLL_INTERVAL_MS = 1000;
const MAX_DOUBTS = 5;

/** The files of a configuration: the one, or those of a folder that end in `.json`, in the order of their names. */
async function listConfigFiles(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const names = await readdir(path);
  return names
    .filter((name) => name.endsWith('.json') && !name.startsWith('.'))
    .sort()
    .map((name) => join(path, name));
}

/** What changes with every change of a file: replaced by a rename, or written in place. */
async function signatureOf(file: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
    return `${file} ${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
  } catch (error) {
    // A link that leads nowhere is no reason to miss what the others say.
    return `${file} ! ${systemErrorCode(error)}`;
  }
}

async function signatureOfAll(path: string): Promise<string> {
  try {
    return (await Promise.all((await listConfigFiles(path)).map(signatureOf))).join('\n');
  } catch (error) {
    return `! ${systemErrorCode(error)}`;
  }
}

/** @param maxBytes how much all files together may still take, as `budget` says of their values */
async function readDocument(
  file: string,
  maxBytes: number,
  budget: ConfigBudget,
): Promise<{ document: unknown; sizeBytes: number }> {
  const facts = await stat(file);
  // Reading a pipe may never end, and with it neither the watching nor the service.
  if (!facts.isFile()) throw new Error('it is no file');
  if (facts.size > maxBytes) throw new Error(`${facts.size} bytes are too many for a device configuration`);
  return { document: parseConfigText(await readFile(file), budget), sizeBytes: facts.size };
}

const whyUnread = (error: unknown) =>
  systemErrorCode(error) === 'ENOENT' ? 'there is no such file or folder' : errorMessage(error);

/** Reads a file, or a folder of them. What is wrong with one of them does not concern the others. */
export async function readConfigFiles(path: string): Promise<ConfigReading> {
  try {
    const files = await listConfigFiles(path);
    if (files.length === 0) return { kind: 'none' };
    const pieces: ConfigPiece[] = [];
    let leftBytes = MAX_CONFIG_BYTES;
    const budget = createConfigBudget();
    for (const file of files) {
      const name = file === path ? '' : basename(file);
      try {
        const { document, sizeBytes } = await readDocument(file, leftBytes, budget);
        leftBytes -= sizeBytes;
        pieces.push({ name, document });
      } catch (error) {
        pieces.push({ name, problem: whyUnread(error) });
      }
    }
    return { kind: 'pieces', pieces };
  } catch (error) {
    return { kind: 'unreadable', problems: [{ path, message: whyUnread(error) }] };
  }
}

/** What cannot be read may be half written. */
const isDoubtful = (reading: ConfigReading) =>
  reading.kind === 'unreadable' ||
  (reading.kind === 'pieces' && reading.pieces.some((piece) => 'problem' in piece));

/**
 * Reads a configuration now, and again whenever its files change. It looks once a second: that works on every
 * file system, and for files that are replaced by a rename.
 *
 * What cannot be read as JSON is reported only when it is the same at the next look, as somebody may still be
 * writing it; a file that never stays the same keeps the others from being read for a few looks and no longer.
 */
export async function watchConfigFiles(
  path: string,
  clock: Clock,
  onReading: (reading: ConfigReading) => void,
  signal: AbortSignal,
): Promise<void> {
  let handled: string | undefined;
  let doubted: string | undefined;
  let doubts = 0;
  while (!signal.aborted) {
    const signature = await signatureOfAll(path);
    if (signature !== handled) {
      const reading = await readConfigFiles(path);
      if (!isDoubtful(reading) || signature === doubted || doubts >= MAX_DOUBTS) {
        handled = signature;
        doubts = 0;
        onReading(reading);
      } else {
        doubted = signature;
        doubts += 1;
      }
    }
    await waitUnlessAborted(clock, POLL_INTERVAL_MS, signal);
  }
}
