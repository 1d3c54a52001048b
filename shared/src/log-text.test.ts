// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { createLog } from './log.ts';
import { logPresenter, logText } from './log-text.ts';

const lineOf = (fields: object, level = 'info', msg = 'listening') =>
  `${JSON.stringify({ level, time: '2026-11-30T10:39:04.710Z', pid: 1, hostname: 'h', name: 'n', ...fields, msg })}\n`;

const PLAIN = { columns: undefined, hasColors: false };

it.each<[object, string]>([
  [{}, '10:39:04 info  listening\n'],
  [{ port: 80, tlsPort: null }, '10:39:04 info  listening port=80\n'],
  [{ root: '/a b', empty: '' }, '10:39:04 info  listening root="/a b" empty=""\n'],
  [{ problems: ['x', 'y'] }, '10:39:04 info  listening problems=["x","y"]\n'],
  [{ file: '\u001b[2J\u009b' }, '10:39:04 info  listening file=\\027[2J\\194\\155\n'],
  [{ file: 'a\nb' }, '10:39:04 info  listening file="a\\nb"\n'],
])('%j is read as %j', (fields, text) => {
  expect(logText(lineOf(fields), PLAIN)).toBe(text);
});

it('wraps between words, below the sentence', () => {
  const line = lineOf({ root: '/srv/images', page: 'http://ds.local/-/' }, 'warn', 'it listens');
  expect(logText(line, { columns: 40, hasColors: false })).toBe(
    '10:39:04 warn  it listens\n               root=/srv/images\n               page=http://ds.local/-/\n',
  );
});

it('colours the level alone', () => {
  expect(logText(lineOf({ x: '\u001b[31m' }), { columns: 80, hasColors: true })).toBe(
    '10:39:04 \u001b[32minfo\u001b[39m  listening x=\\027[31m\n',
  );
});

it.each([
  ['auto', true, true],
  ['auto', false, false],
  ['text', false, true],
  ['json', true, false],
] as const)('%s, on a terminal %s: for people %s', (format, isTTY, isText) => {
  expect(logPresenter(format, { ...PLAIN, isTTY, isJournal: false }) !== undefined).toBe(isText);
});

it('presents what the log writes, without secrets', () => {
  let written = '';
  const present = logPresenter('text', { ...PLAIN, isTTY: false, isJournal: false });
  const log = createLog('test', 'info', { write: (line) => (written += line) }, present);
  log.child({ of: 'x' }).warn({ password: 'hunter2' }, 'it is slow');
  expect(written).toMatch(/^\d\d:\d\d:\d\d warn {2}it is slow of=x password=\[Redacted\]\n$/);
});

it.each([
  ['error', '<3>'],
  ['warn', '<4>'],
  ['info', '<6>'],
  ['debug', '<7>'],
] as const)(
  'a line of level %s has its priority %s in the journal, whatever it is laid out as',
  (level, prefix) => {
    for (const format of ['auto', 'json', 'text'] as const) {
      let written = '';
      const present = logPresenter(format, { ...PLAIN, isTTY: false, isJournal: true });
      createLog('test', 'debug', { write: (line) => (written += line) }, present)[level](
        { process: 'net' },
        'said',
      );
      expect(written.slice(0, prefix.length)).toBe(prefix);
      const line = written.slice(prefix.length);
      if (format === 'text') expect(line).toContain(`${level.padEnd(5)} said process=net`);
      else expect(JSON.parse(line)).toMatchObject({ level, process: 'net', msg: 'said' });
    }
  },
);
