// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { readConfigDocument } from './config-document.ts';

const LISTS = { datastores: [{ id: 'a' }], contentInfo: [{ uuid: 'b' }] };

describe('a document that is a configuration', () => {
  it.each<[string, unknown, number, number]>([
    ['{}', {}, 0, 0],
    ['both lists', LISTS, 1, 1],
    ['both lists, empty', { datastores: [], contentInfo: [] }, 0, 0],
    ['both lists, as Go writes empty ones', { datastores: null, contentInfo: null }, 0, 0],
    ['datastores alone', { datastores: [{}] }, 1, 0],
    ['content alone', { contentInfo: [{}, {}] }, 0, 2],
    ['content alone, empty', { contentInfo: [] }, 0, 0],
    ['the name of the proto file', { datastores: [{}], content_info: [{}] }, 1, 1],
    ['both names, one of them null', { contentInfo: null, content_info: [{}] }, 0, 1],
    ['what a controller sends beside them', { id: { uuid: 'x' }, apps: [], networks: [], ...LISTS }, 1, 1],
    ['an envelope', { config: LISTS, configHash: 'abc' }, 1, 1],
    ['an envelope without its hash', { config: LISTS }, 1, 1],
    ['an envelope with more in it', { config: { id: {}, ...LISTS }, error: '', config_hash: 'x' }, 1, 1],
    ['an envelope that wants nothing', { config: {}, configHash: 'abc' }, 0, 0],
    ['lists beside something named config', { config: { message: 'x' }, ...LISTS }, 1, 1],
  ])('%s', (_name, document, datastores, contentInfo) => {
    const read = readConfigDocument(document);
    expect(read).toMatchObject({ isConfig: true });
    const counts = read.isConfig && [read.lists.datastores.length, read.lists.contentInfo.length];
    expect(counts).toEqual([datastores, contentInfo]);
  });
});

describe('anything else is refused, and what it is stands in the message', () => {
  it.each<[string, unknown, string]>([
    ['an error', { message: 'Unauthorized' }, 'an object with "message"'],
    ['a problem (RFC 9457)', { type: 'about:blank', title: 'x', status: 502 }, '"type", "title", "status"'],
    [
      'an error in an envelope',
      { config: { error: 'no such device' } },
      'in "config" stands an object with "error"',
    ],
    ['an envelope with a failure beside', { config: {}, error: 'x' }, 'an object with "config", "error"'],
    ['an envelope of nothing', { config: null, configHash: 'x' }, 'an object with "config", "configHash"'],
    ['an envelope of text', { config: 'eyJ9' }, 'an object with "config"'],
    ['two envelopes', { config: { config: LISTS } }, 'in "config" stands an object with "config"'],
    ['the hash alone', { configHash: 'x' }, 'an object with "configHash"'],
    ['a signed container', { protectedPayload: { payload: 'x' }, algo: 1 }, '"protectedPayload", "algo"'],
    ['a part that says nothing of content', { id: { uuid: 'x' }, apps: [] }, 'an object with "id", "apps"'],
    ['names in upper case', { Datastores: [], ContentInfo: [] }, '"Datastores", where "datastores" is read'],
    [
      'one name in another case',
      { datastores: [{}], ContentInfo: [{}] },
      '"ContentInfo", where "contentInfo"',
    ],
    ['a name in lower case', { contentinfo: [] }, '"contentinfo", where "contentInfo" is read'],
    ['a name with a dash', { 'content-info': [] }, '"content-info", where "contentInfo" is read'],
    ['an envelope in another case', { Config: LISTS }, '"Config", where "config" is read'],
    ['another case in an envelope', { config: { CONTENTINFO: [] } }, 'in "config" stands "CONTENTINFO"'],
    ['a list', [LISTS], 'a list of 1'],
    ['an empty list', [], 'a list of 0'],
    ['null', null, 'null'],
    ['a text', 'Unauthorized', 'a text'],
    ['a number', 404, 'a number'],
    ['true', true, 'a boolean'],
    ['many keys', { a: 1, b: 1, c: 1, d: 1, e: 1, f: 1, g: 1 }, '"e" and 2 more'],
    ['a long key', { ['k'.repeat(1e6)]: 1 }, `"${'k'.repeat(40)}"`],
    ['a key that turns the direction', { '\u202eno': 1, '\u009b': 2 }, '"\\u202eno", "\\u009b"'],
    ['a key that a terminal acts on', { '\u001b[2J': 1 }, '"\\u001b[2J"'],
  ])('%s', (_name, document, words) => {
    const read = readConfigDocument(document);
    const message = read.isConfig ? '' : read.message;
    expect(message).toContain(words);
    expect(message).toContain('no device configuration');
    expect(message.length).toBeLessThan(400);
  });

  it.each<[string, unknown, string, string]>([
    ['a number for a list', { contentInfo: 5 }, 'contentInfo', 'a list expected, not a number'],
    ['one entry for a list', { datastores: { id: 'x' } }, 'datastores', 'not an object with "id"'],
    ['a list in a text', { contentInfo: '[]' }, 'contentInfo', 'not a text'],
    ['one sound list', { datastores: [], contentInfo: false }, 'contentInfo', 'not a boolean'],
    ['two spellings', { contentInfo: [{}], content_info: [] }, 'contentInfo', 'given twice'],
    ['too much', { contentInfo: Array(10_001).fill({}) }, 'contentInfo', '10001 entries are too many'],
    ['a number in an envelope', { config: { datastores: 1 } }, 'datastores', 'not a number'],
  ])('%s', (_name, document, path, words) => {
    expect(readConfigDocument(document)).toMatchObject({
      isConfig: false,
      path,
      message: expect.stringContaining(words),
    });
  });
});

it('no value of a document stands in a message: it may be a secret', () => {
  const documents = [
    { password: 'hidden' },
    ['hidden'],
    'hidden',
    { contentInfo: 'hidden' },
    { config: 'hidden' },
  ];
  for (const document of documents)
    expect(JSON.stringify(readConfigDocument(document))).not.toContain('hidden');
});
