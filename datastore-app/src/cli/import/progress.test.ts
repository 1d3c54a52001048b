// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { createProgress, progressLine } from './progress.ts';

it.each<[Parameters<typeof progressLine>, string]>([
  [['app.tar', 0, 1024, 80], 'app.tar  0 %  0 bytes of 1 KiB'],
  [['app.tar', 512, 1024, 80], 'app.tar  50 %  512 bytes of 1 KiB'],
  [['app.tar', 1024, undefined, 80], 'app.tar  1 KiB'],
  [['empty', 0, 0, 80], 'empty  100 %  0 bytes of 0 bytes'],
  [['a-very-long-name.tar', 1024, undefined, 16], 'a-very-l  1 KiB'],
  [['\u001b[2J', 1, undefined, 80], '\\027[2J  1 byte'],
])('%j', (given, line) => {
  expect(progressLine(...given)).toBe(line);
});

it.each([true, false])(
  'hands everything on (as JSON: %s), and leaves the terminal in order',
  async (isJson) => {
    const written: string[] = [];
    const terminal = { write: (text: string) => written.push(text), columns: 80 };
    async function* content() {
      yield Buffer.from('a');
      yield Buffer.from('b');
    }
    const { watch } = createProgress({ terminal, stderr: { write: () => {} } }, isJson);
    const pieces: Uint8Array[] = [];
    for await (const piece of watch('x', content(), 2)) pieces.push(piece);
    expect(Buffer.concat(pieces).toString()).toBe('ab');
    expect(written).toEqual(isJson ? [] : ['\r\u001b[K']);
  },
);
