// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { createEventParser } from './event-parser.ts';
import { fieldsText, findLines, type Level, type LogLine, withLines } from './log-list.ts';

const line = (id: number, level: string, message: string, fields: object = {}): LogLine => ({
  ...{ id, level, message, time: '2026-11-30T10:39:04.710Z' },
  fields: fields as LogLine['fields'],
});
const LINES = [
  line(1, 'debug', 'a question'),
  line(2, 'info', 'an image is ready', { path: 'linux/Disk.img' }),
  line(3, 'warn', 'it is slow', { path: 'b' }),
  line(4, 'error', 'it failed'),
];

it.each<[Level, string, number[]]>([
  ['debug', '', [1, 2, 3, 4]],
  ['info', ' ', [2, 3, 4]],
  ['warn', '', [3, 4]],
  ['error', '', [4]],
  ['debug', 'IT', [3, 4]],
  ['debug', 'disk ready', [2]],
  ['debug', 'path=b', [3]],
  ['warn', 'ready', []],
])('from %s, with %j: %j', (least, search, ids) => {
  expect(findLines(LINES, least, search).map(({ id }) => id)).toEqual(ids);
});

it.each([
  [{}, ''],
  [{ port: 80, tls: null }, 'port=80'],
  [{ path: 'a b', empty: '', list: [1] }, 'path="a b" empty="" list=[1]'],
])('writes %j as %j', (fields, text) => {
  expect(fieldsText(fields)).toBe(text);
});

it('forgets the oldest lines', () => {
  const many = Array.from({ length: 1000 }, (_, id) => line(id, 'info', ''));
  const found = withLines(many, [line(1000, 'info', ''), line(1001, 'info', '')]);
  expect([found.length, found[0]?.id, found.at(-1)?.id]).toEqual([1000, 2, 1001]);
});

it.each<[string, string[], string[]]>([
  ['whole events', ['event: line\ndata: 1\n\nevent: line\ndata: 2\n\n'], ['1', '2']],
  ['events in pieces', ['event: li', 'ne\ndata: {"a"', ':1}\n', '\nevent'], ['{"a":1}']],
  ['comments between', [': still here\n\ndata: 1\n\n'], ['1']],
  ['nothing whole', ['data: 1\n'], []],
])('reads %s', (_, pieces, data) => {
  const parse = createEventParser();
  expect(pieces.flatMap(parse)).toEqual(data);
});

it('does not take an event without an end', () => {
  const parse = createEventParser();
  expect(() => parse('x'.repeat(2 * 1024 * 1024))).toThrow('too long');
});
