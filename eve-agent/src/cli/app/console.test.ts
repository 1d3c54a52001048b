// SPDX-License-Identifier: Apache-2.0
/** A terminal and a console, joined: what is typed, what is shown, and how the terminal is left. */
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { beforeEach, describe, expect, it } from 'vitest';
import { joinConsole } from './console.ts';

let input: PassThrough & { isTTY?: boolean; setRawMode?: (isRaw: boolean) => NodeJS.ReadStream };
let output: PassThrough;
/** Whether the terminal was raw, each time that this changed. */
let modes: boolean[];
let typing: PassThrough;
let showing: PassThrough;
const console = () => ({ input: typing, output: showing, close: () => void showing.destroy() });
const asTerminal = () =>
  Object.assign(input, {
    isTTY: true,
    setRawMode(isRaw: boolean) {
      modes.push(isRaw);
      return input as unknown as NodeJS.ReadStream;
    },
  });
const join = (signal = new AbortController().signal) =>
  joinConsole({ input: input as never, output }, console(), signal);
const typed = () => (typing.read() as Buffer | null)?.toString('latin1') ?? '';
const shown = () => (output.read() as Buffer | null)?.toString('latin1') ?? '';

beforeEach(() => {
  [input, output, typing, showing] = [1, 2, 3, 4].map(() => new PassThrough()) as [
    ...[PassThrough, PassThrough, PassThrough, PassThrough],
  ];
  modes = [];
});

describe('a terminal', () => {
  beforeEach(() => void asTerminal());

  it('types each key as it is, and is left by Ctrl-] alone', async () => {
    const joined = join();
    expect(modes).toEqual([true]);
    input.write('ls\x03\x1b[A\x04');
    await once(typing, 'readable');
    expect(typed()).toBe('ls\x03\x1b[A\x04');
    input.write('last\x1dnever');
    await expect(joined).resolves.toBe('left');
    expect(typed()).toBe('last');
    expect(modes).toEqual([true, false]);
    expect([input.destroyed, showing.destroyed]).toEqual([true, true]);
  });

  it('shows what comes as it is, until the VM ends', async () => {
    const joined = join();
    showing.write('\x1b[2J\x00\xff');
    showing.end('bye');
    await expect(joined).resolves.toBe('ended');
    expect(shown()).toBe(Buffer.from('\x1b[2J\x00\xffbye').toString('latin1'));
    expect(modes).toEqual([true, false]);
  });

  it('is as it was after a signal', async () => {
    const stop = new AbortController();
    const joined = join(stop.signal);
    stop.abort(new Error('told to end'));
    showing.destroy(new Error('aborted'));
    await expect(joined).rejects.toThrow('told to end');
    expect(modes).toEqual([true, false]);
  });

  it('is as it was after the agent went away', async () => {
    const joined = join();
    showing.destroy(new Error('socket hang up'));
    await expect(joined).rejects.toMatchObject({ code: 'AGENT_UNREACHABLE' });
    expect(modes).toEqual([true, false]);
  });

  it('that is gone types no more', async () => {
    const joined = join();
    input.destroy(new Error('read EIO'));
    await once(typing, 'prefinish');
    showing.end();
    await expect(joined).resolves.toBe('ended');
  });
});

describe('what is no terminal', () => {
  it('is typed to its end, also a Ctrl-], and sees what comes after it', async () => {
    const joined = join();
    input.end('a\x1db\n');
    await once(typing, 'prefinish');
    expect(typed()).toBe('a\x1db\n');
    showing.end('login: ');
    await expect(joined).resolves.toBe('ended');
    expect([shown(), modes]).toEqual(['login: ', []]);
  });

  it('waits for a guest that does not read', async () => {
    const joined = join();
    const piece = Buffer.alloc(typing.writableHighWaterMark, 'x');
    input.write(piece);
    await expect.poll(() => input.isPaused()).toBe(true);
    typing.resume();
    await expect.poll(() => input.isPaused()).toBe(false);
    showing.end();
    await joined;
  });
});
