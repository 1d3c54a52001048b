// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { brokenOff } from '../../api/client-errors.ts';
import type { OpenConsole } from '../../api/console-client.ts';
import type { Terminal } from '../command-context.ts';

/** Ctrl-], by which telnet is left, too. */
const LEAVE = 0x1d;

/**
 * Joins the terminal of whoever calls with a console: each key goes there as it is, also Ctrl-C, and what comes from
 * there acts on the terminal, as it is meant to. Of what is no terminal each byte is typed, and that it ends ends only
 * the typing. The terminal is as it was in the end, however that comes.
 *
 * @returns `left`: by Ctrl-] on a terminal; `ended`: by the VM
 * @throws AgentApiError; the signal's reason
 */
export async function joinConsole(
  { input, output }: Terminal,
  console: OpenConsole,
  signal: AbortSignal,
): Promise<'left' | 'ended'> {
  const isTerminal = input.isTTY === true;
  let isLeft = false;

  function type(piece: Buffer): void {
    const end = isTerminal ? piece.indexOf(LEAVE) : -1;
    const typed = end === -1 ? piece : piece.subarray(0, end);
    if (typed.length > 0 && !console.input.write(typed)) {
      input.pause();
      console.input.once('drain', () => input.resume());
    }
    if (end === -1) return;
    isLeft = true;
    console.close();
  }
  // A terminal that is gone types nothing more.
  const endTyping = () => void console.input.end();

  if (isTerminal) input.setRawMode?.(true);
  input.on('data', type).once('end', endTyping).once('error', endTyping);
  try {
    for await (const piece of console.output) {
      if (!output.write(piece)) await once(output, 'drain', { signal });
    }
  } catch (error) {
    signal.throwIfAborted();
    if (!isLeft) throw brokenOff(error);
  } finally {
    input.off('data', type);
    if (isTerminal) input.setRawMode?.(false);
    // Else the process would wait for what nobody types any more.
    input.destroy();
    console.close();
  }
  signal.throwIfAborted();
  return isLeft ? 'left' : 'ended';
}
