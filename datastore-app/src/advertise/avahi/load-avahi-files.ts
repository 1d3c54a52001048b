// SPDX-License-Identifier: Apache-2.0
import { constants } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigurationError, errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import type { AvahiFinding } from './avahi-file.ts';
import { type AvahiDaemonSettings, parseDaemonConfig } from './daemon-config.ts';
import type { AvahiService } from './service-file.ts';

/** Where Avahi's files stand on every distribution, and where the image looks for them. */
export const AVAHI_DIRECTORY = '/etc/avahi';

const MAX_FILE_BYTES = 64 * 1024;
const MAX_SERVICE_FILES = 64;
const MAX_SERVICES = 64;

/** What Avahi's files say, as far as it does not depend on the host name. */
export interface AvahiConfiguration {
  readonly directory: string;
  readonly settings: AvahiDaemonSettings;
  readonly services: readonly AvahiService[];
  readonly findings: readonly AvahiFinding[];
}

/** The text of a file; undefined when there is none. */
async function readText(file: string): Promise<string | undefined> {
  try {
    // A pipe would be waited for.
    const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      if (!(await handle.stat()).isFile()) throw new Error('it is no file');
      const { buffer, bytesRead } = await handle.read(
        Buffer.alloc(MAX_FILE_BYTES + 1),
        0,
        MAX_FILE_BYTES + 1,
      );
      if (bytesRead > MAX_FILE_BYTES) throw new Error(`it has more than ${MAX_FILE_BYTES} bytes`);
      return new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, bytesRead));
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    const reason =
      systemErrorCode(error) === 'ERR_ENCODING_INVALID_ENCODED_DATA'
        ? 'it is not UTF-8'
        : errorMessage(error);
    throw new ConfigurationError(`${file} cannot be read: ${reason}`, { cause: error });
  }
}

/** The service files of a folder, in the order of their names; none when there is no folder. */
async function listServiceFiles(folder: string): Promise<string[]> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw new ConfigurationError(`${folder} cannot be read: ${errorMessage(error)}`, { cause: error });
  }
  const files = names.filter((name) => name.endsWith('.service') && !name.startsWith('.')).sort();
  if (files.length <= MAX_SERVICE_FILES) return files.map((name) => join(folder, name));
  throw new ConfigurationError(
    `${folder} has ${files.length} service files; at most ${MAX_SERVICE_FILES} are read`,
  );
}

/**
 * Reads `avahi-daemon.conf` and `services/*.service` of a folder.
 *
 * @returns undefined when there is neither
 * @throws ConfigurationError naming file, line and reason when one cannot be understood
 */
export async function loadAvahiFiles(directory: string): Promise<AvahiConfiguration | undefined> {
  const daemonFile = join(directory, 'avahi-daemon.conf');
  const daemonText = await readText(daemonFile);
  const serviceFiles = await listServiceFiles(join(directory, 'services'));
  if (daemonText === undefined && serviceFiles.length === 0) return undefined;
  const daemon = parseDaemonConfig(daemonText ?? '', daemonFile);
  // The XML parser is loaded only where it is needed.
  const parsed = [];
  if (serviceFiles.length > 0) {
    const { parseServiceFile } = await import('./service-file.ts');
    for (const file of serviceFiles) parsed.push(parseServiceFile((await readText(file)) ?? '', file));
  }
  const services = parsed.flatMap((file) => file.services);
  if (services.length > MAX_SERVICES) {
    throw new ConfigurationError(
      `${directory}/services has ${services.length} services; at most ${MAX_SERVICES} are advertised`,
    );
  }
  return {
    directory,
    settings: daemon.settings,
    services,
    findings: [...daemon.findings, ...parsed.flatMap(({ findings }) => findings)],
  };
}
