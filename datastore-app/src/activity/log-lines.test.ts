// SPDX-License-Identifier: Apache-2.0
import { createBufferedLog, createLog } from '@local-datastore/shared/log';
import { expect, it } from 'vitest';
import { createLogLines, type LogLine } from './log-lines.ts';

const nowhere = { write: () => {} };
const opened = (capacity = 10) => {
  const lines = createLogLines({ capacity });
  return { lines, log: createLog('test', 'info', nowhere, undefined, lines.note) };
};

it('keeps the last lines, as they were written', () => {
  const { lines, log } = opened(2);
  log.info({ path: 'a' }, 'first');
  log.debug({}, 'below the level');
  log.warn({ path: 'b', count: 2 }, 'second');
  log.error({}, 'third');
  expect(lines.list()).toEqual([
    {
      ...{ id: 2, level: 'warn', message: 'second', fields: { path: 'b', count: 2 } },
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    },
    { id: 3, level: 'error', message: 'third', fields: {}, time: expect.any(String) },
  ]);
});

it.each(['token', 'password', 'authorization', 'apiKey'])('never holds a %s', (field) => {
  const { lines, log } = opened();
  log.info({ [field]: 'secret-one', request: { [field]: 'secret-two' } }, 'line');
  expect(lines.list()).toHaveLength(1);
  expect(JSON.stringify(lines.list())).not.toContain('secret-');
});

it('keeps of a very long line what it says', () => {
  const { lines, log } = opened();
  log.info({ path: 'x'.repeat(10_000) }, 'm'.repeat(5000));
  expect(lines.list()).toMatchObject([{ level: 'info', message: 'm'.repeat(1000), fields: {} }]);
});

it('tells of lines to come, until nobody wants them', () => {
  const { lines, log } = opened();
  const heard: LogLine[] = [];
  log.info({}, 'before');
  const stop = lines.follow((line) => heard.push(line));
  log.info({}, 'now');
  stop();
  log.info({}, 'after');
  expect(heard.map(({ message }) => message)).toEqual(['now']);
});

it('hears of lines that are written together, too', () => {
  const lines = createLogLines();
  const { log, stop } = createBufferedLog('test', 'silent', undefined, lines.note);
  log.info({}, 'below the level');
  stop();
  expect(lines.list()).toEqual([]);
});
