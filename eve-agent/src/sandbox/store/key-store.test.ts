// SPDX-License-Identifier: Apache-2.0
import { silentLog } from '@local-datastore/shared/log';
import { describe, expect, it } from 'vitest';
import type { AuditEntry } from '../audit/audit-entry.ts';
import { keyPathText, parseKeyPath } from './key-path.ts';
import { createKeyStore, type KeyChange, type KeyQuota } from './key-store.ts';

const path = parseKeyPath;
const bytes = (text: string) => Buffer.from(text);
const textOf = ({ path: changed, value, actor }: KeyChange) =>
  `${actor} ${keyPathText(changed)} ${value === null ? 'deleted' : Buffer.from(value).toString()}`;

function create(quota: KeyQuota = { keys: 3, bytes: 100 }) {
  const audited: AuditEntry[] = [];
  const audit = { append: (entry: AuditEntry) => void audited.push(entry) };
  const store = createKeyStore({ audit, log: silentLog }, quota);
  const seen: string[] = [];
  const write = (actor: string, name: string, value = '') => store.write(actor, path(name), bytes(value));
  const listed = (pattern: string) => store.list(pattern).map((each) => keyPathText(each.path));
  return { store, audited, seen, write, listed, see: (change: KeyChange) => seen.push(textOf(change)) };
}

describe('the keys', () => {
  it('are read as they were written last', () => {
    const { store, write } = create();
    expect(store.read(path('/ip'))).toBeUndefined();
    write('a', '/ip', '10.0.0.1');
    write('b', '/ip', '10.0.0.2');
    expect(Buffer.from(store.read(path('/ip')) ?? []).toString()).toBe('10.0.0.2');
    store.delete('a', path('/ip'));
    expect(store.read(path('/ip'))).toBeUndefined();
    expect(() => store.delete('a', path('/ip'))).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
  });

  it('are copies of what was handed in', () => {
    const { store } = create();
    const value = bytes('abc');
    store.write('a', path('/k'), value);
    value.fill(0);
    expect(Buffer.from(store.read(path('/k')) ?? []).toString()).toBe('abc');
  });

  it('are told apart, /a/b from /a', () => {
    const { store, write } = create();
    write('a', '/a', '1');
    expect(store.read(path('/a/b'))).toBeUndefined();
  });

  it('are listed by pattern', () => {
    const { write, listed } = create();
    for (const name of ['/b/2', '/b/1', '/a']) write('x', name);
    expect(listed('/b/*')).toEqual(['/b/2', '/b/1']);
    expect(listed('/**')).toEqual(['/b/2', '/b/1', '/a']);
    expect(listed('/c')).toEqual([]);
  });

  it('have at most 4096 bytes', () => {
    const { store } = create({ keys: 1, bytes: 10_000 });
    store.write('a', path('/k'), new Uint8Array(4096));
    expect(() => store.write('a', path('/k'), new Uint8Array(4097))).toThrow(
      expect.objectContaining({ code: 'TOO_LARGE' }),
    );
    expect(store.read(path('/k'))).toHaveLength(4096);
  });
});

describe('what an actor may have', () => {
  const QUOTA = expect.objectContaining({ code: 'QUOTA' });

  it('is so many keys, which can be written again', () => {
    const { store, write, listed } = create();
    for (const name of ['/1', '/2', '/3']) write('a', name);
    expect(() => write('a', '/4')).toThrow(QUOTA);
    write('a', '/3', 'again');
    write('b', '/4');
    store.delete('b', path('/1'));
    write('a', '/5');
    expect(listed('/*')).toEqual(['/2', '/3', '/4', '/5']);
  });

  it('is so many bytes, paths included', () => {
    const { store, write } = create();
    write('a', '/1', 'x'.repeat(98));
    expect(() => write('a', '/2')).toThrow(QUOTA);
    expect(() => write('a', '/1', 'x'.repeat(99))).toThrow(QUOTA);
    expect(store.read(path('/1'))).toHaveLength(98);
    write('a', '/1', 'x'.repeat(96));
    write('a', '/2');
  });

  it('is counted for whoever wrote a key last', () => {
    const { write } = create();
    for (const name of ['/1', '/2', '/3']) write('a', name);
    write('b', '/1');
    write('a', '/4');
    expect(() => write('a', '/1')).toThrow(QUOTA);
    for (const name of ['/2', '/3']) write('b', name);
    expect(() => write('b', '/4')).toThrow(QUOTA);
    for (const name of ['/5', '/6']) write('a', name);
    expect(() => write('a', '/7')).toThrow(QUOTA);
  });

  it('is nothing once it was cleared', () => {
    const { store, write, listed, seen, see } = create();
    for (const name of ['/1', '/2', '/3']) write('a', name);
    write('b', '/2');
    store.watch('/*', see);
    store.clear('a');
    expect(listed('/*')).toEqual(['/2']);
    expect(seen).toEqual(['a /1 deleted', 'a /3 deleted']);
    for (const name of ['/4', '/5', '/6']) write('a', name);
    expect(() => write('a', '/7')).toThrow(QUOTA);
  });

  it('goes back to where it was, whatever was written and deleted', () => {
    const { store, write } = create();
    for (let i = 0; i < 1000; i += 1) {
      write('a', `/${i}`, 'x');
      if (i % 2 === 0) write('b', `/${i}`, 'yy');
      store.delete('c', path(`/${i}`));
    }
    write('a', '/1', 'x'.repeat(98));
    write('b', '/2', 'x'.repeat(98));
  });
});

describe('the audit log', () => {
  it('is told of every change before watchers are, and of nothing else', () => {
    const { store, write, audited } = create();
    store.watch('/request', () => store.write('handler', path('/state'), bytes('y')));
    write('a', '/request', 'x');
    store.delete('b', path('/request'));
    expect(() => store.write('a', path('/k'), new Uint8Array(5000))).toThrow();
    expect(() => store.delete('a', path('/k'))).toThrow();
    const facts = audited.map(({ value, ...rest }) => ({
      ...rest,
      value: value && Buffer.from(value).toString(),
    }));
    expect(facts).toEqual([
      { actor: 'a', op: 'write', path: '/request', verdict: 'ok', value: 'x' },
      { actor: 'handler', op: 'write', path: '/state', verdict: 'ok', value: 'y' },
      { actor: 'b', op: 'delete', path: '/request', verdict: 'ok', value: undefined },
      { actor: 'handler', op: 'write', path: '/state', verdict: 'ok', value: 'y' },
    ]);
  });
});

describe('a watcher', () => {
  it('is told of every change that its pattern matches, until it is ended', () => {
    const { store, write, seen, see } = create();
    write('a', '/b/1', 'before');
    const end = store.watch('/b/*', see);
    write('a', '/b/1', 'one');
    write('b', '/b/1', 'one');
    write('b', '/c', 'other');
    store.delete('b', path('/b/1'));
    end();
    end();
    write('a', '/b/1', 'after');
    expect(seen).toEqual(['a /b/1 one', 'b /b/1 one', 'b /b/1 deleted']);
  });

  it('is not told of what was refused', () => {
    const { store, seen, see } = create();
    store.watch('/**', see);
    expect(() => store.write('a', path('/k'), new Uint8Array(5000))).toThrow();
    expect(() => store.delete('a', path('/k'))).toThrow();
    expect(seen).toEqual([]);
  });

  it('sees what others change when they are told in the order of the changes', () => {
    const { store, write, seen, see } = create();
    store.watch('/request', ({ value }) => store.write('handler', path('/state'), value ?? bytes('')));
    store.watch('/**', see);
    write('a', '/request', 'x');
    expect(seen).toEqual(['a /request x', 'handler /state x']);
  });

  it('that fails disturbs nobody', () => {
    const { store, write, seen, see } = create();
    store.watch('/k', () => {
      throw new Error('broken');
    });
    store.watch('/k', see);
    write('a', '/k', '1');
    write('a', '/k', '2');
    expect(seen).toEqual(['a /k 1', 'a /k 2']);
  });

  it('that another ends is told no more', () => {
    const { store, write, seen, see } = create();
    store.watch('/k', () => end());
    const end = store.watch('/k', see);
    write('a', '/k', '1');
    expect(seen).toEqual([]);
  });

  it('needs a pattern', () => {
    expect(() => create().store.watch('b', () => {})).toThrow(expect.objectContaining({ code: 'MALFORMED' }));
  });
});
