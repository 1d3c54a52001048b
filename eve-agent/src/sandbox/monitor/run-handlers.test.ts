// SPDX-License-Identifier: Apache-2.0
import { silentLog } from '@local-datastore/shared/log';
import { expect, it } from 'vitest';
import type { AuditEntry } from '../audit/audit-entry.ts';
import { defineManifest, handledKey, writeKey } from '../sdk/manifest.ts';
import { text, wholeNumber } from '../sdk/values.ts';
import { createKeyStore } from '../store/key-store.ts';
import { runHandlers } from './run-handlers.ts';

const manifest = defineManifest({
  ...{ name: 'test', user: 65533, limits: { memoryBytes: 1, openFiles: 64 }, descriptors: {} },
  keys: {
    level: handledKey('level', wholeNumber({ min: 0, max: 9 }), 'show'),
    name: handledKey('host/*/name', text({ maxBytes: 8 }), 'show'),
    broken: handledKey('broken', text({ maxBytes: 8 }), 'fail'),
    other: writeKey('other', text({ maxBytes: 8 })),
  },
});

function create() {
  const audited: AuditEntry[] = [];
  const audit = { append: (entry: AuditEntry) => void (entry.op === 'handle' && audited.push(entry)) };
  const store = createKeyStore({ audit, log: silentLog });
  const shown: unknown[] = [];
  const end = runHandlers(
    { store, audit, log: silentLog },
    manifest,
    { prefix: ['t'], actor: 'test' },
    {
      show(change) {
        shown.push(change);
      },
      fail() {
        throw new Error('it cannot');
      },
    },
  );
  const write = (path: string, value: string, actor = 'test') =>
    store.write(actor, ['t', ...path.split('/')], Buffer.from(value));
  return { audited, store, shown, end, write };
}

it.each<[string, string, string, unknown[], string[]]>([
  ['a value', 'level', '5', [{ key: 'level', value: 5, names: [] }], ['ok']],
  ['a value with names', 'host/a/name', 'ds', [{ key: 'name', value: 'ds', names: ['a'] }], ['ok']],
  ['what is none of its values', 'level', '10', [], ['MALFORMED']],
  ['what it cannot act on', 'broken', 'x', [], ['FAILED']],
  ['a key without a handler', 'other', 'x', [], []],
  ['a key of no manifest', 'level/more', '5', [], []],
])('a handler is told of %s, or not, and the log of what came of it', (_, path, value, shown, verdicts) => {
  const side = create();
  side.write(path, value);
  expect(side.shown).toEqual(shown);
  expect(side.audited.map(({ verdict }) => verdict)).toEqual(verdicts);
});

it('the log has what was acted on, and by what', () => {
  const { write, audited } = create();
  write('host/a/name', 'ds');
  expect(audited).toEqual([
    {
      ...{ actor: 'test', op: 'handle', path: '/t/host/a/name', verdict: 'ok', handler: 'show' },
      value: new Uint8Array(Buffer.from('ds')),
    },
  ]);
});

it('a handler is told when a calf has ended', () => {
  const { write, store, shown, audited } = create();
  write('level', '5');
  store.clear('test');
  expect(shown.at(-1)).toEqual({ key: 'level', value: null, names: [] });
  expect(audited.at(-1)).toEqual({
    ...{ actor: 'test', op: 'handle', path: '/t/level', verdict: 'ok', handler: 'show' },
  });
});

it('a handler is told of nobody else’s keys, and of none after its end', () => {
  const { write, shown, end } = create();
  write('level', '5', 'priv');
  end();
  write('level', '6');
  expect(shown).toEqual([]);
});
