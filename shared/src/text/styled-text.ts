import { styleText } from 'node:util';

/**
 * Whether a stream is to show colours: where it is a terminal that has some, unless the environment says otherwise
 * (NO_COLOR, FORCE_COLOR), as Node judges it.
 */
export function hasColors(stream: NodeJS.WritableStream): boolean {
  const plain = 'x';
  return styleText('bold', plain, { stream }) !== plain;
}
