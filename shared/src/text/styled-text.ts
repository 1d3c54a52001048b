import { styleText } from 'node:util';
import type { LogTerminal } from '../log-text.ts';

/**
 * Whether a stream is to show colours: where it is a terminal that has some, unless the environment says otherwise
 * (NO_COLOR, FORCE_COLOR), as Node judges it.
 */
export function hasColors(stream: NodeJS.WritableStream): boolean {
  const plain = 'x';
  return styleText('bold', plain, { stream }) !== plain;
}

/** What a log has of the stream that it is written to, which may change its width. */
export const logTerminalOf = (stream: NodeJS.WriteStream): LogTerminal => ({
  isTTY: stream.isTTY === true,
  get columns() {
    return stream.columns || undefined;
  },
  hasColors: hasColors(stream),
});
