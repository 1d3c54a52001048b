// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { createHandOver } from './hand-over.ts';

const piece = (text: string) => Buffer.from(text);

it('hands pieces over in their order, each when the one before was worked on', async () => {
  const { give, end, content } = createHandOver();
  const log: string[] = [];
  const reading = (async () => {
    for await (const each of content) log.push(`took ${Buffer.from(each)}`);
    log.push('ended');
  })();
  for (const text of ['a', 'b']) {
    await give(piece(text));
    log.push(`gave ${text}`);
  }
  end();
  await reading;
  expect(log).toEqual(['took a', 'gave a', 'took b', 'gave b', 'ended']);
});

it('who gives does not wait for who wants no more', async () => {
  const { give, content } = createHandOver();
  const reading = (async () => {
    for await (const _each of content) throw new RangeError('enough');
  })();
  await give(piece('a'));
  await give(piece('b'));
  await expect(reading).rejects.toThrow('enough');
});

it('what is given and ended before anybody asks is not lost', async () => {
  const { give, end, content } = createHandOver();
  const given = give(piece('a'));
  end();
  const taken: string[] = [];
  for await (const each of content) taken.push(String(Buffer.from(each)));
  await given;
  expect(taken).toEqual(['a']);
});
