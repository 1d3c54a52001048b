import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import type { ConfigFragment, ConfigProblem } from '@local-datastore/shared/eve/device-config';
import { type Clock, waitUnlessAborted } from '../discovery/clock.ts';
import { parseConfigText } from './config-text.ts';

/** A look at a configuration on the disk. */
export type ConfigReading =
  | { readonly kind: 'fragments'; readonly fragments: readonly ConfigFragment[] }
  /** A folder without any fragment. That is no wish for nothing: it is made by an installation, or not mounted yet. */
  | { readonly kind: 'none' }
  | { readonly kind: 'unreadable'; readonly problems: readonly ConfigProblem[] };

/** Thousands of content trees fit; a disk image given by mistake does not. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;
const POLL_INTERVAL_MS = 1000;

/** The files of a configuration: the one, or those of a folder that end in `.json`, in the order of their names. */
async function listConfigFiles(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const names = await readdir(path);
  return names
    .filter((name) => name.endsWith('.json') && !name.startsWith('.'))
    .sort()
    .map((name) => join(path, name));
}

/** What changes with every change of the files: replaced by a rename, or written in place. */
async function signatureOf(files: readonly string[]): Promise<string> {
  const facts = await Promise.all(files.map((file) => stat(file, { bigint: true })));
  return facts
    .map(({ dev, ino, size, mtimeNs }, i) => `${files[i]} ${dev} ${ino} ${size} ${mtimeNs}`)
    .join('\n');
}

async function readFragment(file: string, name: string): Promise<ConfigFragment> {
  const facts = await stat(file);
  // Reading a pipe may never end, and with it neither the watching nor the service.
  if (!facts.isFile()) throw new Error('it is no file');
  const { size } = facts;
  if (size > MAX_FILE_BYTES) throw new Error(`${size} bytes are too many for a device configuration`);
  return { name, document: parseConfigText(await readFile(file)) };
}

/** Reads a file, or a folder of fragments. */
export async function readConfigFiles(path: string): Promise<ConfigReading> {
  try {
    const files = await listConfigFiles(path);
    if (files.length === 0) return { kind: 'none' };
    const isFolder = files[0] !== path;
    const fragments: ConfigFragment[] = [];
    const problems: ConfigProblem[] = [];
    for (const file of files) {
      const name = isFolder ? basename(file) : '';
      try {
        fragments.push(await readFragment(file, name));
      } catch (error) {
        problems.push({ path: name === '' ? file : name, message: errorMessage(error) });
      }
    }
    return problems.length > 0 ? { kind: 'unreadable', problems } : { kind: 'fragments', fragments };
  } catch (error) {
    const message =
      systemErrorCode(error) === 'ENOENT' ? 'there is no such file or folder' : errorMessage(error);
    return { kind: 'unreadable', problems: [{ path, message }] };
  }
}

/**
 * Reads a configuration now, and again whenever its files change. It looks once a second: that works on every
 * file system, and for files that are replaced by a rename.
 *
 * What cannot be read as JSON is reported only when it is the same at the next look: somebody may still be
 * writing it.
 */
export async function watchConfigFiles(
  path: string,
  clock: Clock,
  onReading: (reading: ConfigReading) => void,
  signal: AbortSignal,
): Promise<void> {
  let handled: string | undefined;
  let doubted: string | undefined;
  while (!signal.aborted) {
    const signature = await listConfigFiles(path)
      .then(signatureOf)
      .catch((error) => `! ${systemErrorCode(error)}`);
    if (signature !== handled) {
      const reading = await readConfigFiles(path);
      if (reading.kind !== 'unreadable' || signature === doubted) {
        handled = signature;
        onReading(reading);
      } else doubted = signature;
    }
    await waitUnlessAborted(clock, POLL_INTERVAL_MS, signal);
  }
}
