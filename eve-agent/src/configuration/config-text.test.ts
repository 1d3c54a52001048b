// SPDX-License-Identifier: Apache-2.0
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { parseConfigText } from './config-text.ts';

const DOCUMENT = { contentInfo: [{ displayName: 'größer' }] };
const TEXT = JSON.stringify(DOCUMENT);
const bigEndian = (text: string) => Buffer.from(text, 'utf16le').swap16();

describe('JSON is read', () => {
  it.each<[string, Buffer]>([
    ['in UTF-8', Buffer.from(TEXT)],
    ['with a byte order mark', Buffer.from(`\ufeff${TEXT}`)],
    ['with space around it', Buffer.from(`\r\n\t ${TEXT}\r\n`)],
    ['in UTF-16, as a Windows shell redirects it', Buffer.from(`\ufeff${TEXT}`, 'utf16le')],
    ['in UTF-16 without a mark', Buffer.from(TEXT, 'utf16le')],
    ['in UTF-16, big end first', bigEndian(`\ufeff${TEXT}`)],
    ['in UTF-16, big end first, without a mark', bigEndian(TEXT)],
  ])('%s', (_name, bytes) => expect(parseConfigText(bytes)).toEqual(DOCUMENT));
});

describe('what is not JSON is named', () => {
  it.each<[string, string | Buffer, string]>([
    ['nothing', '', 'it is empty'],
    ['space', ' \n', 'it is empty'],
    ['a mark alone', '\ufeff', 'it is empty'],
    ['a page of HTML', '<!DOCTYPE html>\n<title>502</title>', 'a page of HTML'],
    ['HTML after a mark', '\ufeff\n<html>', 'a page of HTML'],
    ['XML', '<?xml version="1.0"?>', 'XML'],
    ['a certificate', '-----BEGIN CERTIFICATE-----', 'PEM'],
    ['a compressed file', gzipSync('{}'), 'compressed'],
    ['the binary form', Buffer.from([0x32, 0x10, 0x0a, 0x04, 0x01, 0xff]), 'binary form'],
    ['zeros, as a lost write leaves them', Buffer.alloc(100), 'no text'],
    ['a word', 'Unauthorized', 'line 1'],
    ['YAML', 'datastores:\n- id: x', 'line 1'],
    ['a key without quotes', '{\n\n datastores: []}', 'line 3'],
    ['a comment', '{\n// none\n}', 'line 2'],
    ['a comma too many', '{"datastores": [],\n}', 'line 2'],
    ['two documents', '{}\n{}', 'line 2'],
    ['a raw line break in a text', '{"a": "b\nc"}', 'line 1'],
  ])('%s', (_name, content, words) => {
    const parse = () => parseConfigText(Buffer.from(content));
    expect(parse).toThrow(words);
  });

  it('half a file, wherever it was cut', () => {
    const whole = JSON.stringify({ datastores: [{ id: 'a', n: -1.5e3 }], contentInfo: [null, true] });
    for (let length = 1; length < whole.length; length += 1) {
      // `-1.5e` and the like are no numbers.
      expect(() => parseConfigText(Buffer.from(whole.slice(0, length)))).toThrow('it ends early');
    }
  });
});

describe('more than a device configuration holds is refused before it is parsed', () => {
  const many = (item: string, count: number) => `[${Array(count).fill(item).join(',')}]`;
  it.each<[string, string, string]>([
    ['empty objects', many('{}', 300_000), 'values are too many'],
    ['empty lists', many('[]', 300_000), 'values are too many'],
    ['numbers', many('1', 500_001), 'values are too many'],
    ['keys', `{${Array.from({ length: 500_001 }, (_, i) => `"${i}":1`).join(',')}}`, 'values are too many'],
    ['lists in lists', '['.repeat(101) + ']'.repeat(101), 'nested more than 100 deep'],
    ['objects in objects', `${'{"a":'.repeat(101)}1${'}'.repeat(101)}`, 'nested more than 100 deep'],
    ['lists that never end', '['.repeat(10_000), 'nested more than 100 deep'],
  ])('%s', (_name, text, words) => {
    expect(() => parseConfigText(Buffer.from(text))).toThrow(words);
  });

  it.each<[string, unknown]>([
    ['a long text', 'x'.repeat(1_000_000)],
    ['texts full of what parts values', ['[{,'.repeat(500_000), '\\"', ',,"[[', '\\\\', '\n"'.repeat(1000)]],
    ['many values', Array(400_000).fill(0)],
    ['some depth', JSON.parse('['.repeat(99) + ']'.repeat(99))],
  ])('but not %s', (_name, document) => {
    expect(parseConfigText(Buffer.from(JSON.stringify({ document })))).toEqual({ document });
  });
});

it('nothing of a text stands in a message: it may be a secret', () => {
  for (const text of [
    'hidden',
    '{"password": hidden}',
    '{"a": "hidden" hidden}',
    '["hidden',
    '{"a": 1 hidden: 2}',
  ]) {
    let message = '';
    try {
      parseConfigText(Buffer.from(text));
    } catch (error) {
      message = String(error);
    }
    expect(message).toContain('not JSON');
    expect(message).not.toContain('hidden');
  }
});
