// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { cp, mkdtemp, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { numberedFileName } from '@local-datastore/shared/files/numbered-files';
import { silentLog } from '@local-datastore/shared/log';
import { createManualClock } from '@local-datastore/shared/manual-clock';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AuditHead } from './audit-folder.ts';
import { NO_HASH } from './audit-line.ts';
import { type AuditLogOptions, openAuditLog } from './audit-log.ts';
import { followAuditLog, type SeenLine } from './follow-audit-log.ts';
import { verifyAuditLog } from './verify-audit-log.ts';

let top: string;
let folder: string;
beforeEach(async () => {
  top = await mkdtemp(join(tmpdir(), 'audit-log-'));
  folder = join(top, 'state', 'audit');
});
afterEach(() => rm(top, { recursive: true }));

const FIRST = numberedFileName(1);
const open = (options: Partial<AuditLogOptions> = {}, clock = createManualClock()) =>
  openAuditLog({ clock, log: silentLog }, { folder, boot: 'boot-1', ...options });
const bytes = (text: string) => Buffer.from(text);
const write = (path: string, value: string) => ({
  actor: 'net',
  op: 'write',
  path,
  value: bytes(value),
  verdict: 'ok',
});

const namesOf = async () => (await readdir(folder)).filter((name) => name.endsWith('.jsonl')).sort();
const textOf = async (name = FIRST) => readFile(join(folder, name), 'utf8');
const linesOf = async (name = FIRST): Promise<Record<string, unknown>[]> =>
  (await textOf(name))
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
const headOf = async (): Promise<AuditHead> => JSON.parse(await readFile(join(folder, 'head.json'), 'utf8'));
const verify = () => verifyAuditLog(folder);
/** As one reads a line: `3 net write /a ok`. */
const shown = ({ seq, actor, op, path, verdict }: Record<string, unknown>) =>
  `${seq} ${actor} ${op} ${path} ${verdict}`;

/** A log with some lines, closed. */
async function makeLog(count: number, options: Partial<AuditLogOptions> = {}): Promise<void> {
  const log = await open(options);
  for (let i = 0; i < count; i += 1) {
    log.append(write(`/key/${i}`, `value ${i}`));
    // In files as they are rotated, several lines a batch.
    if (i % 3 === 2) await log.flush();
  }
  await log.close();
}

describe('a line', () => {
  it('is canonical JSON, chained to the line before', async () => {
    const log = await open({ now: () => new Date('2026-11-30T01:02:03.456Z') });
    log.append({ ...write('/resolved/ds.local/ip', '10.1.0.5'), handler: 'flow' });
    log.append({ actor: 'net', op: 'read', path: '/secret', verdict: 'DENIED' });
    await log.close();
    const texts = (await textOf()).trimEnd().split('\n');
    const lines = await linesOf();
    expect(lines).toMatchObject([
      {
        seq: 1,
        actor: 'audit',
        op: 'begin',
        path: `/audit/${FIRST}`,
        verdict: 'ok',
        prev: NO_HASH,
        boot: 'boot-1',
      },
      {
        ...{
          seq: 2,
          time: '2026-11-30T01:02:03.456Z',
          actor: 'net',
          op: 'write',
          path: '/resolved/ds.local/ip',
        },
        ...{ verdict: 'ok', handler: 'flow', value: createHash('sha256').update('10.1.0.5').digest('hex') },
      },
      { seq: 3, op: 'read', path: '/secret', verdict: 'DENIED', value: null, handler: null },
    ]);
    for (const [i, text] of texts.entries()) {
      const { hash, ...rest } = JSON.parse(text);
      expect(text).toBe(JSON.stringify(Object.fromEntries(Object.entries({ hash, ...rest }).sort())));
      expect(rest.prev).toBe(lines[i - 1]?.hash ?? NO_HASH);
      expect(createHash('sha256').update(rest.prev).update(JSON.stringify(rest)).digest('hex')).toBe(hash);
    }
    expect(await headOf()).toEqual({
      seq: 3,
      hash: lines[2]?.hash,
      file: 1,
      bytes: (await textOf()).length,
      first: 1,
    });
  });

  it('holds no value, and nothing that acts on a terminal, however long it is', async () => {
    const log = await open();
    log.append(write('/password', 'a secret'));
    log.append({
      actor: 'x'.repeat(100),
      op: 'é\u001b[2J\n',
      path: '/p'.repeat(5000),
      verdict: 'y'.repeat(9000),
      handler: '\0',
    });
    await log.close();
    expect(await textOf()).not.toContain('secret"');
    expect(await textOf()).toMatch(/^[\x20-\x7e\n]*$/);
    expect((await linesOf())[2]).toMatchObject({ actor: 'x'.repeat(64), op: '??[2J?', handler: '?' });
    expect(await verify()).toMatchObject({ lines: 3, problem: null });
  });

  it('is on the disk after a moment, and nobody but its owner reads it', async () => {
    const clock = createManualClock();
    const log = await open({}, clock);
    log.append(write('/a', '1'));
    expect(log.head().seq).toBe(1);
    clock.advance(100);
    await expect.poll(() => log.head().seq).toBe(2);
    expect(log.head().hash).toBe((await linesOf())[1]?.hash);
    // The file of the head is put in its place only now, by way of another name.
    await log.close();
    for (const name of await readdir(folder))
      expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    expect(clock.pendingTimers()).toBe(0);
  });
});

describe('a log', () => {
  it('is none where there is none, and whole with the line that it was begun', async () => {
    expect(await verify()).toBeNull();
    await makeLog(0);
    expect(await verify()).toMatchObject({
      files: 1,
      lines: 1,
      firstSeq: 1,
      lastSeq: 1,
      tornBytes: 0,
      problem: null,
    });
  });

  it('goes on where it was', async () => {
    await makeLog(2);
    await makeLog(1, { boot: 'boot-2' });
    expect((await linesOf()).map(shown)).toEqual([
      `1 audit begin /audit/${FIRST} ok`,
      '2 net write /key/0 ok',
      '3 net write /key/1 ok',
      `4 audit open /audit/${FIRST} ok`,
      '5 net write /key/0 ok',
    ]);
    expect((await linesOf()).map(({ boot }) => boot)).toEqual([
      'boot-1',
      'boot-1',
      'boot-1',
      'boot-2',
      'boot-2',
    ]);
    expect(await verify()).toMatchObject({ lines: 5, problem: null });
  });

  it('is rotated, and the oldest files go', async () => {
    await makeLog(60, { maxFileBytes: 2000, maxFiles: 3 });
    const names = await namesOf();
    expect(names).toHaveLength(3);
    const [oldest = '', , newest = ''] = names;
    expect(shown((await linesOf(newest))[0] ?? {})).toMatch(
      new RegExp(`^\\d+ audit rotate /audit/${newest} ok$`),
    );
    expect((await stat(join(folder, oldest))).size).toBeLessThan(4000);
    const { seq, first } = await headOf();
    expect(numberedFileName(first)).toBe(oldest);
    expect(await verify()).toMatchObject({ files: 3, lastSeq: seq, problem: null });
    await makeLog(60, { maxFileBytes: 2000, maxFiles: 3 });
    expect(await namesOf()).toHaveLength(3);
    expect(await verify()).toMatchObject({ files: 3, problem: null });
  });

  it('may be given fewer files than it had', async () => {
    await makeLog(60, { maxFileBytes: 2000, maxFiles: 10 });
    await makeLog(1, { maxFiles: 2 });
    expect(await namesOf()).toHaveLength(2);
    expect(await verify()).toMatchObject({ files: 2, problem: null });
  });
});

describe('a crash', () => {
  /** What is on the disk when the head was written for the first lines alone. */
  async function makeUnheaded(): Promise<{ headBytes: number; size: number }> {
    await makeLog(1);
    const headBytes = (await stat(join(folder, FIRST))).size;
    await cp(join(folder, 'head.json'), join(top, 'head.json'));
    await makeLog(1);
    await cp(join(top, 'head.json'), join(folder, 'head.json'));
    await cp(folder, join(top, 'crashed'), { recursive: true });
    return { headBytes, size: (await stat(join(folder, FIRST))).size };
  }
  const restore = () => cp(join(top, 'crashed'), folder, { recursive: true });

  it('at any byte behind the head is no damage, and is gone on from', async () => {
    const { headBytes, size } = await makeUnheaded();
    const whole = await textOf();
    for (let length = headBytes; length <= size; length += 19) {
      await restore();
      await truncate(join(folder, FIRST), length);
      const kept = whole.slice(0, whole.lastIndexOf('\n', length - 1) + 1);
      const torn = length - kept.length;
      expect(await verify()).toMatchObject({
        tornBytes: torn,
        lines: kept.split('\n').length - 1,
        problem: null,
      });
      await makeLog(1);
      expect((await textOf()).startsWith(kept)).toBe(true);
      const [opened] = (await linesOf()).slice(-2);
      const verdict = torn === 0 ? 'ok' : `torn: ${torn} bytes of no whole line are cut off`;
      expect(opened).toMatchObject({ op: 'open', verdict });
      expect(await verify()).toMatchObject({ tornBytes: 0, problem: null });
    }
  });

  it('that left blocks of zeros behind the head is gone on from', async () => {
    const { headBytes, size } = await makeUnheaded();
    await truncate(join(folder, FIRST), headBytes + 20);
    await truncate(join(folder, FIRST), size);
    await makeLog(1);
    expect((await linesOf()).slice(-2).map(shown)).toEqual([
      expect.stringMatching(/^3 audit open .* torn: \d+ bytes/),
      '4 net write /key/0 ok',
    ]);
    expect(await verify()).toMatchObject({ problem: null });
  });

  it.each([0, 1, 40])('while it began the next file, which has %i bytes, is gone on from', async (length) => {
    await makeLog(3);
    await writeFile(
      join(folder, numberedFileName(2)),
      '{"actor":"audit","boot":"b","handler":null'.slice(0, length),
    );
    expect(await verify()).toMatchObject({ tornBytes: length, problem: null });
    await makeLog(1);
    expect((await linesOf(numberedFileName(2))).map(({ seq, op }) => `${seq} ${op}`)).toEqual([
      '5 open',
      '6 write',
    ]);
    expect(await verify()).toMatchObject({ files: 2, problem: null });
  });

  it('before the first line is no damage', async () => {
    await makeLog(0);
    const head = { seq: 0, hash: NO_HASH, file: 1, bytes: 0, first: 1 };
    await writeFile(join(folder, 'head.json'), JSON.stringify(head));
    for (const text of [null, '', '{"actor"']) {
      if (text === null) await rm(join(folder, FIRST));
      else await writeFile(join(folder, FIRST), text);
      expect(await verify()).toMatchObject({ lines: 0, problem: null });
    }
    await makeLog(1);
    expect(await verify()).toMatchObject({ lines: 2, problem: null });
  });

  it('before files that are kept no more were removed is made good', async () => {
    await makeLog(60, { maxFileBytes: 2000, maxFiles: 3 });
    const { first } = await headOf();
    await writeFile(join(folder, numberedFileName(first - 1)), 'old');
    expect(await verify()).toMatchObject({ files: 3, problem: null });
    await makeLog(1, { maxFiles: 3 });
    expect(await namesOf()).not.toContain(numberedFileName(first - 1));
  });
});

describe('damage', () => {
  const edit = async (change: (text: string) => string, name = FIRST) =>
    writeFile(join(folder, name), change(await textOf(name)));
  const splice =
    (from: number, count: number, ...lines: string[]) =>
    (text: string) => {
      const all = text.split('\n');
      all.splice(from, count, ...lines);
      return all.join('\n');
    };

  it('of any byte before the head is found', async () => {
    await makeLog(3);
    const text = await textOf();
    const lineOf = (at: number) => text.slice(0, at).split('\n').length;
    for (let at = 0; at < text.length; at += 3) {
      const changed = Buffer.from(text);
      changed[at] = (changed[at] ?? 0) ^ 1;
      await writeFile(join(folder, FIRST), changed);
      const verdict = await verify();
      expect(verdict?.problem, `byte ${at}`).not.toBeNull();
      expect(verdict?.problem).toMatchObject({ line: lineOf(at) });
    }
  });

  it.each<[string, (text: string) => string, object]>([
    ['a line taken away', splice(2, 1), { kind: 'bad-line', line: 3, reason: 'its number is 4 after 2' }],
    ['a line twice', (text) => splice(2, 0, text.split('\n')[1] ?? '')(text), { kind: 'bad-line', line: 3 }],
    [
      'lines in another order',
      (text) => splice(1, 2, ...text.split('\n').slice(1, 3).reverse())(text),
      { line: 2 },
    ],
    ['the first line taken away', splice(0, 1), { line: 1, reason: 'its number is 2 after 0' }],
    ['the last line taken away', splice(4, 1), { kind: 'truncated', line: null }],
    ['half of the last line taken away', (text) => text.slice(0, -20), { kind: 'truncated', line: 5 }],
    ['all taken away', () => '', { kind: 'truncated', line: null }],
    ['an empty line', splice(2, 0, ''), { line: 3, reason: 'it is not JSON' }],
    [
      'a line of another form',
      splice(2, 1, '{"seq":3}'),
      { line: 3, reason: expect.stringContaining('it is no line of the log: actor: ') },
    ],
    ['a very long line', splice(2, 1, 'x'.repeat(5_000_000)), { line: 3, reason: 'it is not JSON' }],
    [
      'a space',
      (text) => text.replace('"seq":3', '"seq": 3'),
      { line: 3, reason: 'it is not in the canonical form' },
    ],
    [
      'a changed verdict',
      (text) => text.replace('"ok"', '"no"'),
      { line: 1, reason: 'its hash is not that of its content' },
    ],
  ])('that is %s is found', async (_, change, problem) => {
    await makeLog(4);
    await edit(change);
    expect((await verify())?.problem).toMatchObject(problem);
  });

  it('of a line with a hash of its own is found by what follows, or by the head', async () => {
    await makeLog(2);
    const forge = (line: Record<string, unknown>) => {
      const { hash: _, ...rest } = { ...line, verdict: 'forged' } as Record<string, unknown>;
      const sorted = (value: object) => JSON.stringify(Object.fromEntries(Object.entries(value).sort()));
      const hash = createHash('sha256')
        .update(String(rest.prev) + sorted(rest))
        .digest('hex');
      return sorted({ ...rest, hash });
    };
    const [, second = {}, third = {}] = await linesOf();
    const whole = await textOf();
    await edit(splice(1, 1, forge(second)));
    expect((await verify())?.problem).toMatchObject({ kind: 'bad-line', line: 3 });
    await writeFile(join(folder, FIRST), splice(2, 1, forge(third))(whole));
    expect((await verify())?.problem).toMatchObject({ kind: 'head-mismatch', line: 3 });
  });

  it('of files and of the head is found', async () => {
    await makeLog(60, { maxFileBytes: 2000, maxFiles: 4 });
    const names = await namesOf();
    for (const name of names) {
      await rename(join(folder, name), join(top, 'away'));
      expect((await verify())?.problem).toEqual({
        kind: 'missing-file',
        file: name,
        line: null,
        reason: 'it is missing',
      });
      await rename(join(top, 'away'), join(folder, name));
    }
    const head = await headOf();
    await rm(join(folder, 'head.json'));
    expect(await verify()).toMatchObject({ lastSeq: head.seq, problem: { kind: 'missing-head' } });
    await writeFile(join(folder, 'head.json'), '{}');
    expect((await verify())?.problem).toMatchObject({
      kind: 'missing-head',
      reason: expect.stringContaining('head.json'),
    });
    await writeFile(join(folder, 'head.json'), JSON.stringify({ ...head, seq: head.seq + 1 }));
    expect((await verify())?.problem).toMatchObject({ kind: 'truncated' });
    await writeFile(join(folder, 'head.json'), JSON.stringify({ ...head, hash: NO_HASH }));
    expect((await verify())?.problem).toMatchObject({ kind: 'head-mismatch', file: names.at(-1) });
    await writeFile(join(folder, 'head.json'), JSON.stringify(head));
    await truncate(join(folder, names[1] ?? ''), 1500);
    expect((await verify())?.problem).toMatchObject({
      kind: 'bad-line',
      file: names[1],
      reason: 'it is cut short',
    });
  });

  it.each<[string, () => Promise<unknown>, string]>([
    ['a changed line', () => edit((text) => text.replace('/key/2', '/key/3')), 'line 4 is not what it was'],
    ['a cut', () => truncate(join(folder, FIRST), 500), 'it has 500 bytes of'],
    ['a file that is missing', () => rm(join(folder, FIRST)), `${FIRST} is missing`],
    ['a head that is missing', () => rm(join(folder, 'head.json')), 'the head is missing'],
    ['a head of no form', () => writeFile(join(folder, 'head.json'), 'x'), 'head.json cannot be used'],
  ])('that is %s stays, and the agent goes on in another file that says so', async (_, damage, why) => {
    await makeLog(3);
    await damage();
    const before = await namesOf();
    await makeLog(2);
    const names = await namesOf();
    expect(names).toEqual([...before, names.at(-1)]);
    expect((await linesOf(names.at(-1))).map(({ op }) => op)).toEqual(['open', 'write', 'write']);
    expect((await linesOf(names.at(-1)))[0]).toMatchObject({ verdict: expect.stringMatching(/^broken: /) });
    expect(String((await linesOf(names.at(-1)))[0]?.verdict)).toContain(why);
    // Only what was not changed is whole again.
    expect((await verify())?.problem === null).toBe(why.includes('head'));
  });

  it.each<[string, () => Promise<unknown>, string]>([
    ['cut', () => truncate(join(folder, FIRST), 100), 'it has 100 bytes of'],
    ['added to', () => edit((text) => `${text}x`), 'bytes of'],
    ['taken away', () => rm(join(folder, FIRST)), 'it was removed'],
    ['moved away', () => rename(join(folder, FIRST), join(top, 'away')), 'it was removed'],
    [
      'replaced by its like',
      async () => {
        await cp(join(folder, FIRST), join(top, 'like'));
        await rename(join(top, 'like'), join(folder, FIRST));
      },
      'it was replaced',
    ],
    ['taken away with its folder', () => rm(folder, { recursive: true }), 'it was removed'],
  ])('that is a file %s while it is written is said in another', async (_, damage, why) => {
    const log = await open();
    log.append(write('/a', '1'));
    await log.flush();
    await damage();
    log.append(write('/a', '2'));
    await log.close();
    expect((await linesOf(numberedFileName(2))).map(shown)).toEqual([
      expect.stringMatching(
        new RegExp(`^3 audit open /audit/${numberedFileName(2)} broken: ${FIRST}: .*${why}`),
      ),
      '4 net write /a ok',
    ]);
    // What was replaced by the same is whole.
    expect((await verify())?.problem === null).toBe(why === 'it was replaced');
  });
});

describe('a disk that takes nothing', () => {
  it('holds nobody up; what finds no place is counted, and said when there is place', async () => {
    // A file stands where the folder would.
    await writeFile(join(top, 'state'), '');
    const clock = createManualClock();
    const errors = vi.fn();
    const log = await openAuditLog(
      { clock, log: { ...silentLog, error: errors } },
      { folder, boot: 'boot-1', maxWaiting: 300 },
    );
    for (let i = 0; i < 350; i += 1) log.append(write(`/key/${i}`, 'x'));
    await log.flush();
    expect(log.head()).toEqual({ seq: 0, hash: NO_HASH });
    expect(log.dropped()).toBe(50);
    expect(errors).toHaveBeenCalledTimes(1);
    await rm(join(top, 'state'));
    clock.advance(2000);
    await expect.poll(() => log.head().seq).toBe(302);
    log.append(write('/after', 'x'));
    await log.close();
    expect((await linesOf()).map(shown).slice(-3)).toEqual([
      '301 net write /key/299 ok',
      '302 audit drop  dropped: 50 entries found no place',
      '303 net write /after ok',
    ]);
    expect(await verify()).toMatchObject({ lines: 303, problem: null });
  });

  it('is not waited for by who closes', async () => {
    await writeFile(join(top, 'state'), '');
    const clock = createManualClock();
    const log = await open({}, clock);
    log.append(write('/a', '1'));
    await log.close();
    log.append(write('/a', '2'));
    await log.close();
    expect(log.dropped()).toBe(1);
    expect(clock.pendingTimers()).toBe(0);
  });
});

describe('who reads the log', () => {
  const controller = () => new AbortController();
  const pathOf = ({ line }: SeenLine) => (typeof line === 'string' ? line : `${line.op} ${line.path}`);

  it('sees all lines of all files, and what is none', async () => {
    await makeLog(30, { maxFileBytes: 2000, maxFiles: 20 });
    await writeFile(join(folder, FIRST), `${(await textOf()).split('\n')[0]}\nnothing\n`);
    const seen: string[] = [];
    const signal = controller().signal;
    for await (const each of followAuditLog(folder, { clock: createManualClock(), signal, follows: false })) {
      seen.push(pathOf(each));
    }
    expect(seen.slice(0, 3)).toEqual([
      `begin /audit/${FIRST}`,
      'it is not JSON',
      `rotate /audit/${numberedFileName(2)}`,
    ]);
    expect(seen.at(-1)).toBe('write /key/29');
  });

  it('follows it from before it is begun, through files, until it is told to stop', async () => {
    const clock = createManualClock();
    const stop = controller();
    const seen: string[] = [];
    const reading = (async () => {
      for await (const each of followAuditLog(folder, { clock, signal: stop.signal, follows: true })) {
        if (!pathOf(each).includes('/audit/')) seen.push(pathOf(each));
      }
    })();
    const log = await open({ maxFileBytes: 1500, maxFiles: 20 });
    for (let i = 0; i < 40; i += 1) {
      log.append(write(`/key/${i}`, ''));
      if (i % 5 === 0) await log.flush();
    }
    await log.close();
    await expect
      .poll(() => {
        clock.advance(500);
        return seen;
      })
      .toEqual(Array.from({ length: 40 }, (_, i) => `write /key/${i}`));
    stop.abort();
    await reading;
    expect(clock.pendingTimers()).toBe(0);
  });
});
