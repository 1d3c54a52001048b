// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';

/** Logs by both logs, and then says on stdout that it came to its end. */
const PROGRAM = `
  import { createBufferedLog, createLog } from ${JSON.stringify(new URL('./log.ts', import.meta.url).href)};
  // As a program that has used it: Node makes pipes non-blocking then.
  process.stderr.isTTY;
  process.stdin.once('data', (data) => {
    const filler = 'x'.repeat(Number(data));
    const log = createLog('test', 'info');
    const buffered = createBufferedLog('test', 'info');
    log.info({ number: 1 }, 'at once');
    for (let number = 0; number < 20; number += 1) buffered.log.info({ number, filler }, 'later');
    buffered.stop();
    log.info({ number: 2 }, 'at last');
    console.log('the end');
    process.stdin.destroy();
  });
`;

function start(stderr: 'pipe' | number) {
  const options = ['--input-type=module', '--eval', PROGRAM];
  const child = spawn(process.execPath, options, { stdio: ['pipe', 'pipe', stderr], timeout: 120_000 });
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error('no pipes');
  const end = async ({ fillerLength = 1 } = {}) => {
    stdin.end(String(fillerLength));
    const [said, [exitCode]] = await Promise.all([text(stdout), once(child, 'exit')]);
    return { said, exitCode };
  };
  return { stderr: child.stderr, end };
}

const FINE = { said: 'the end\n', exitCode: 0 };

it('writes whole lines to stderr, in their order', async () => {
  const { stderr, end } = start('pipe');
  const [lines, ended] = await Promise.all([text(stderr ?? Readable.from([])), end()]);
  expect(ended).toEqual(FINE);
  const logged = lines
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { number: number; msg: string });
  expect(logged).toHaveLength(22);
  expect(logged.at(0)).toMatchObject({ level: 'info', name: 'test', number: 1, msg: 'at once' });
  expect(logged.at(-2)).toMatchObject({ number: 19, msg: 'later' });
  expect(logged.at(-1)).toMatchObject({ number: 2, msg: 'at last' });
});

it('goes on when nobody reads it any more', async () => {
  const { stderr, end } = start('pipe');
  stderr?.destroy();
  expect(await end()).toEqual(FINE);
});

it('goes on without its lines when the reader has stopped reading', async () => {
  const { stderr, end } = start('pipe');
  stderr?.pause();
  // Much more than a pipe holds.
  expect(await end({ fillerLength: 100_000 })).toEqual(FINE);
  stderr?.destroy();
});

it('goes on when its disk is full', async () => {
  const full = await open('/dev/full', 'w');
  try {
    expect(await start(full.fd).end()).toEqual(FINE);
  } finally {
    await full.close();
  }
});
