// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, readlink, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import { syncDirectory, writeDurably, writeSynced } from '@local-datastore/shared/files/durable-file';
import { removeFile } from '@local-datastore/shared/files/remove-file';

/** What a resolver is told. */
export interface ResolverSettings {
  readonly nameServers: readonly string[];
  readonly search: readonly string[];
}

/** What was done to the file; `left-alone` has a reason. */
export type ResolvConfOutcome =
  | { readonly kind: 'replaced' | 'written-in-place' | 'unchanged' | 'removed' }
  | { readonly kind: 'left-alone'; readonly reason: string };

export interface ResolvConf {
  /** Never throws. */
  write(settings: ResolverSettings): Promise<ResolvConfOutcome>;
  /** Brings back what was there before; what somebody else wrote since stays. Never throws. */
  restore(): Promise<ResolvConfOutcome>;
}

/** resolv.conf(5): MAXNS; those behind are never asked. */
const MAX_NAME_SERVERS = 3;
/** Far more than such a file has. */
const MAX_FILE_BYTES = 64 * 1024;
const MODE = 0o644;
const MARK = '# Written by eve-agent: what DHCP said on ';

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR } = constants;
const leftAlone = (reason: string): ResolvConfOutcome => ({ kind: 'left-alone', reason });

function contentOf(interfaceName: string, { nameServers, search }: ResolverSettings): string {
  return [
    `${MARK}${interfaceName}`,
    ...(search.length > 0 ? [`search ${search.join(' ')}`] : []),
    ...nameServers.slice(0, MAX_NAME_SERVERS).map((address) => `nameserver ${address}`),
    '',
  ].join('\n');
}

async function contentAt(handle: FileHandle): Promise<string> {
  const buffer = Buffer.alloc(MAX_FILE_BYTES);
  let length = 0;
  for (;;) {
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length, length);
    if (bytesRead === 0) return buffer.toString('latin1', 0, length);
    length += bytesRead;
  }
}

/**
 * The file in which resolvers look for name servers. It is replaced by a rename, so that whoever reads it has all of the
 * old or of the new one; where it is a mount point, as in containers of Docker, which no rename can replace, it is
 * written in place. A link is another program's (systemd-resolved's, resolvconf's) and is left alone, never followed.
 *
 * @param options `file`: such as `/etc/resolv.conf`. `savedFile`: keeps what was there before, also over a restart
 */
export function createResolvConf(options: {
  readonly file: string;
  readonly savedFile: string;
  readonly interfaceName: string;
}): ResolvConf {
  const { file, savedFile, interfaceName } = options;
  const folder = dirname(file);

  /** @returns the file's content; null where there is none; or why it cannot be used */
  async function read(path: string): Promise<{ readonly text: string | null } | { readonly reason: string }> {
    let handle: FileHandle;
    try {
      handle = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    } catch (error) {
      const code = systemErrorCode(error);
      if (code === 'ENOENT') return { text: null };
      if (code !== 'ELOOP') return { reason: errorMessage(error) };
      return { reason: `${path} is a link to ${await readlink(path).catch(() => 'somewhere')}` };
    }
    try {
      const stats = await handle.stat();
      if (!stats.isFile()) return { reason: `${path} is no regular file` };
      if (stats.size >= MAX_FILE_BYTES) return { reason: `${path} has ${stats.size} bytes` };
      return { text: await contentAt(handle) };
    } finally {
      await handle.close();
    }
  }

  async function writeInPlace(content: string): Promise<void> {
    const handle = await open(file, O_RDWR | O_NOFOLLOW | O_NONBLOCK);
    try {
      if (!(await handle.stat()).isFile()) throw new Error(`${file} is no regular file`);
      // Not emptied first: whoever reads meanwhile finds a server.
      const bytes = Buffer.from(content, 'latin1');
      await handle.write(bytes, 0, bytes.length, 0);
      await handle.truncate(bytes.length);
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  async function replace(content: string): Promise<ResolvConfOutcome> {
    const temporary = join(folder, `.resolv.conf.${randomUUID()}`);
    try {
      await writeSynced(temporary, Buffer.from(content, 'latin1'), { mode: MODE });
      await rename(temporary, file);
    } catch (error) {
      await unlink(temporary).catch(() => {});
      // EBUSY: a mount point; the others: a file that can be written in a folder that cannot.
      if (!['EBUSY', 'EROFS', 'EACCES', 'EPERM'].includes(systemErrorCode(error) ?? '')) throw error;
      await writeInPlace(content);
      return { kind: 'written-in-place' };
    }
    await syncDirectory(folder);
    return { kind: 'replaced' };
  }

  async function remove(): Promise<ResolvConfOutcome> {
    try {
      await unlink(file);
    } catch (error) {
      if (systemErrorCode(error) !== 'EBUSY') throw error;
      await writeInPlace('');
      return { kind: 'written-in-place' };
    }
    await syncDirectory(folder);
    return { kind: 'removed' };
  }

  async function forgetSaved(): Promise<void> {
    await removeFile(savedFile);
    await syncDirectory(dirname(savedFile));
  }

  const safely = (action: () => Promise<ResolvConfOutcome>) =>
    action().catch((error) => leftAlone(errorMessage(error)));

  async function write(settings: ResolverSettings): Promise<ResolvConfOutcome> {
    if (settings.nameServers.length === 0 && settings.search.length === 0) return restore();
    const found = await read(file);
    if ('reason' in found) return leftAlone(found.reason);
    const content = contentOf(interfaceName, settings);
    if (found.text === content) return { kind: 'unchanged' };
    if (found.text === null) await forgetSaved();
    else if (!found.text.startsWith(MARK))
      await writeDurably(savedFile, Buffer.from(found.text, 'latin1'), { mode: 0o600 });
    return replace(content);
  }

  async function restore(): Promise<ResolvConfOutcome> {
    const found = await read(file);
    if ('reason' in found) return leftAlone(found.reason);
    if (found.text === null || !found.text.startsWith(MARK)) return { kind: 'unchanged' };
    const saved = await read(savedFile);
    if ('reason' in saved) return leftAlone(saved.reason);
    const outcome = saved.text === null ? await remove() : await replace(saved.text);
    await forgetSaved();
    return outcome;
  }

  return { write: (settings) => safely(() => write(settings)), restore: () => safely(restore) };
}
