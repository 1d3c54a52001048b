// SPDX-License-Identifier: Apache-2.0
/** The record of changes, on a real disk. */
import {
  appendFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Log, silentLog } from '@local-datastore/shared/log';
import { createManualClock, type ManualClock } from '@local-datastore/shared/manual-clock';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lineOf, type NewChange, registryImage } from './change.ts';
import { createLineFiles } from './line-files.ts';
import { type Changes, openChanges } from './open-changes.ts';
import type { ChangeQuery } from './read-changes.ts';

const BY_ALICE = { by: 'user:alice', client: '192.0.2.7', via: 'PUT' } as const;
const FIRST_FILE = '00000001.jsonl';

let state: string;
let clock: ManualClock;
let nowMs: number;
let changes: Changes;
let said: string[];
beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), 'changes-'));
  clock = createManualClock();
  nowMs = Date.parse('2026-11-30T10:00:00Z');
  said = [];
  changes = open();
});
afterEach(async () => {
  await changes.close();
  await rm(state, { recursive: true });
});

const say = (_fields: object, message: string) => void said.push(message);
const log: Log = { ...silentLog, error: say, info: say };
function open(): Changes {
  const now = () => {
    nowMs += 1000;
    return new Date(nowMs);
  };
  return openChanges({ log, clock }, { stateDirectory: state, now });
}
const note = (image: string, more: Partial<NewChange> = {}) =>
  changes.note({ action: 'created', image, ...BY_ALICE, ...more }, `${image} changed`);
const imagesOf = async (query: Partial<ChangeQuery> = {}) =>
  (await changes.read({ limit: 100, ...query })).changes.map(({ image }) => image);
const file = (name = FIRST_FILE) => join(state, 'changes', name);

describe('a change', () => {
  it('is logged, and read again as it was told, the newest first', async () => {
    note('linux/ä\u202e\ud800.img', { sizeBytes: 3, digest: 'sha256:ab' });
    note('b', { action: 'renamed', to: 'c', by: 'host', client: null, via: 'command' });
    const { changes: kept, next } = await changes.read({ limit: 10 });
    expect(kept).toEqual([
      {
        ...{ id: expect.any(String), time: '2026-11-30T10:00:02.000Z', action: 'renamed' },
        ...{ image: 'b', to: 'c', by: 'host', client: null, via: 'command' },
      },
      {
        ...{ id: expect.any(String), time: '2026-11-30T10:00:01.000Z', action: 'created' },
        ...{ image: 'linux/ä\u202e\ud800.img', sizeBytes: 3, digest: 'sha256:ab', ...BY_ALICE },
      },
    ]);
    expect(next).toBeNull();
    expect(said).toEqual(['linux/ä\u202e\ud800.img changed', 'b changed']);
    expect(await readFile(file(), 'latin1')).toMatch(/^[\x20-\x7e\n]*$/);
    expect((await stat(file())).mode & 0o777).toBe(0o600);
  });

  it('is there after a restart', async () => {
    note('a');
    await changes.close();
    changes = open();
    note('b');
    expect(await imagesOf()).toEqual(['b', 'a']);
  });

  it('is written by several at a time', async () => {
    const other = open();
    for (let i = 0; i < 20; i += 1) {
      note(`own ${i}`);
      other.note({ action: 'deleted', image: `other ${i}`, ...BY_ALICE }, '');
    }
    await other.close();
    expect(await imagesOf()).toHaveLength(40);
  });

  it.each([
    ['cut by a crash', '{"time":"2026-11-30T10:00:00.000Z","act', 2],
    ['of another program', 'hello\n', 2],
    [
      'of an action that there is not',
      `${JSON.stringify({ ...lineOf({ action: 'created', ...BY_ALICE }, new Date(0)), action: 'x' })}\n`,
      2,
    ],
    [
      'that is sound',
      `${JSON.stringify(lineOf({ action: 'created', image: 'x', ...BY_ALICE }, new Date(0)))}\n`,
      3,
    ],
  ])('stands whole behind a line %s', async (_title, text, count) => {
    note('a');
    await changes.close();
    await appendFile(file(), text);
    changes = open();
    note('b');
    const images = await imagesOf();
    expect([images.length, images[0], images.at(-1)]).toEqual([count, 'b', 'a']);
  });

  it('has no more of a text than a line has room for', async () => {
    note('\u{1f4be}'.repeat(5000), { to: 'x'.repeat(5000), by: 'y'.repeat(5000) });
    note('b');
    const { changes: kept } = await changes.read({ limit: 10 });
    expect(kept.map(({ image = '', to = '', by }) => [image.length, to.length, by.length])).toEqual([
      [1, 0, 10],
      [1100, 1100, 300],
    ]);
  });
});

describe('what cannot be written down', () => {
  /** @returns what makes it writable again */
  const TROUBLES: [string, () => Promise<() => Promise<unknown>>][] = [
    [
      'a link stands where the folder should',
      async () => {
        await symlink(tmpdir(), join(state, 'changes'));
        return () => rm(join(state, 'changes'));
      },
    ],
    [
      'a file stands there',
      async () => {
        await writeFile(join(state, 'changes'), '');
        return () => rm(join(state, 'changes'));
      },
    ],
    [
      'a link stands where the file should',
      async () => {
        await mkdir(join(state, 'changes'));
        await symlink(join(state, 'elsewhere'), file());
        return () => rm(file());
      },
    ],
    [
      'the folder above is gone',
      async () => {
        await rm(state, { recursive: true });
        return () => mkdir(state);
      },
    ],
  ];

  it.each(TROUBLES)('waits where %s, and is told of once', async (_title, makeTrouble) => {
    const end = await makeTrouble();
    note('a');
    note('b');
    await changes.close();
    changes = open();
    note('c');
    note('d');
    await changes.read({ limit: 1 }).catch(() => {});
    expect(said.filter((each) => each === 'changes cannot be written down')).toHaveLength(2);
    await end();
    clock.advance(5000);
    expect(await imagesOf()).toEqual(['d', 'c']);
    expect(said.at(-1)).toBe('changes are written down again');
    expect(await readdir(state)).not.toContain('elsewhere');
  });

  it('is counted where too much waits', async () => {
    await writeFile(join(state, 'changes'), '');
    for (let i = 0; i < 1010; i += 1) note(`image ${i}`);
    await changes.read({ limit: 1 }).catch(() => {});
    await rm(join(state, 'changes'));
    const { changes: kept } = await changes.read({ limit: 2 });
    expect(kept).toMatchObject([{ action: 'lost', count: 10 }, { image: 'image 999' }]);
  });
});

describe('reading', () => {
  beforeEach(() => {
    note('linux/A.img');
    note('b.img', { action: 'deleted' });
    note('c.img', { action: 'renamed', to: 'linux/d.img' });
    note(registryImage('lab/app', '1'), { action: 'pushed' });
    note(registryImage('lab/app', 'sha256:ab'), { action: 'deleted' });
    note(registryImage('lab/app'), { action: 'deleted' });
  });

  it.each<[Partial<ChangeQuery>, string[]]>([
    [{ limit: 2 }, ['oci:lab/app', 'oci:lab/app@sha256:ab']],
    [{ image: 'LINUX/' }, ['c.img', 'linux/A.img']],
    [{ action: 'deleted' }, ['oci:lab/app', 'oci:lab/app@sha256:ab', 'b.img']],
    [{ action: 'deleted', image: '.img' }, ['b.img']],
    [{ action: 'refused' }, []],
    [{ image: 'nobody' }, []],
  ])('%o finds %o', async (query, images) => {
    expect(await imagesOf(query)).toEqual(images);
  });

  it.each([1, 2, 3, 6, 7])('goes on page by page, %i at a time, while more is written', async (limit) => {
    changes.noteRefusal({ by: undefined, client: '192.0.2.9', via: 'PUT', image: '/x', status: 401 });
    const all = await imagesOf();
    const seen: (string | undefined)[] = [];
    let before: string | undefined;
    do {
      const page = await changes.read({ limit, before });
      seen.push(...page.changes.map(({ image }) => image));
      before = page.next ?? undefined;
      note('later');
    } while (before !== undefined);
    expect(seen.filter((image) => image !== 'later')).toEqual(all);
    expect(seen.slice(0, 1)).toEqual(['/x']);
  });

  it.each(['', '1', '1.2', 'x~', '1.2~3', '~1.2~', `${'9'.repeat(20)}.1~`])(
    'does not go on behind %j',
    async (before) => {
      await expect(changes.read({ limit: 1, before })).rejects.toThrow('before');
    },
  );
});

it('keeps the newest files alone', async () => {
  const folder = join(state, 'lines');
  const files = createLineFiles({ folder, maxFileBytes: 10, maxFiles: 3 });
  for (let i = 0; i < 9; i += 1) await files.append([`line ${i}`], () => {});
  expect(await readdir(folder)).toHaveLength(3);
  const kept: string[] = [];
  for await (const { text } of files.backwards(undefined)) kept.push(text);
  expect(kept).toEqual(['line 8', 'line 7', 'line 6', 'line 5', 'line 4']);
});

describe('what was refused', () => {
  const refuse = (client: string, status = 401) =>
    changes.noteRefusal({ by: undefined, client, via: 'PUT', image: '/disk.img', status });
  const refusals = async () =>
    (await changes.read({ limit: 1000, action: 'refused' })).changes.map(
      ({ client, status, count = 1 }) => [client, status, count] as const,
    );

  it('is told at once, and what is equal is counted for an hour', async () => {
    for (let i = 0; i < 50; i += 1) refuse('192.0.2.1');
    refuse('192.0.2.1', 403);
    expect(await refusals()).toEqual([
      ['192.0.2.1', 403, 1],
      ['192.0.2.1', 401, 1],
    ]);
    clock.advance(3_600_000);
    expect((await refusals())[0]).toEqual(['192.0.2.1', 401, 49]);
    refuse('192.0.2.1');
    expect((await refusals())[0]).toEqual(['192.0.2.1', 401, 1]);
  });

  it('takes no room from what was done, however many try', async () => {
    note('a');
    for (let i = 0; i < 500; i += 1) refuse(`192.0.2.${i}`);
    clock.advance(3_600_000);
    const found = await refusals();
    expect([found.length, found[0]]).toEqual([33, ['unknown', undefined, 468]]);
    expect(await readdir(state)).toEqual(['changes', 'refusals']);
    expect(await readFile(file(), 'latin1')).not.toContain('refused');
  });

  it('is not forgotten when the datastore ends within the hour', async () => {
    refuse('192.0.2.1');
    refuse('192.0.2.1');
    await changes.close();
    changes = open();
    expect(await refusals()).toHaveLength(2);
  });
});
