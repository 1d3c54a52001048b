// SPDX-License-Identifier: Apache-2.0
import { styleText } from 'node:util';
import { isJournal } from '../journal.ts';
import type { LogTerminal } from '../log-text.ts';

/**
 * Whether a stream is to show colours: where it is a terminal that has some, unless the environment says otherwise
 * (NO_COLOR, FORCE_COLOR), as Node judges it.
 */
export function hasColors(stream: NodeJS.WritableStream): boolean {
  const plain = 'x';
  return styleText('bold', plain, { stream }) !== plain;
}

/**
 * What a log has of the stream that it is written to, which may change its width.
 *
 * @param journalStream what systemd tells in JOURNAL_STREAM; undefined: nothing
 */
export const logTerminalOf = (
  stream: NodeJS.WriteStream & { readonly fd: number },
  journalStream: string | undefined,
): LogTerminal => ({
  isTTY: stream.isTTY === true,
  isJournal: isJournal(journalStream, stream.fd),
  get columns() {
    return stream.columns || undefined;
  },
  hasColors: hasColors(stream),
});
