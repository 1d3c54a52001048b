// SPDX-License-Identifier: Apache-2.0
import { silentLog } from '@local-datastore/shared/log';
import { createManualClock } from '@local-datastore/shared/manual-clock';
import { afterEach, describe, expect, it } from 'vitest';
import { qcow1 } from '../../formats/testing/headers.ts';
import { SOUND_IMAGES } from '../../formats/testing/sound-images.ts';
import { ownParser } from '../../parsing/run-task.ts';
import { memoryFile, TASKS } from '../../parsing/testing/memory-file.ts';
import { runParsers } from '../calves/parsers/run-parsers.ts';
import { answering, type Script, scriptedCalves } from '../testing/scripted-calves.ts';
import { type ConfinedParser, createConfinedParser, IDLE_MS } from './confined-parser.ts';
import { SILENCE_MS } from './parser-session.ts';

const honest: Script = (channel, end) =>
  void runParsers(channel).then(
    () => end({ code: 0 }),
    () => end({ code: 1 }),
  );

const clock = createManualClock();
const opened: ConfinedParser[] = [];
afterEach(async () => {
  for (const parser of opened.splice(0)) await parser.stop();
});

function open(...scripts: readonly Script[]) {
  const calves = scriptedCalves(scripts);
  const parser = createConfinedParser({ clock, log: silentLog, start: calves.start });
  opened.push(parser);
  return { parser, started: calves.started };
}

const MAX_TURNS = 3000;

/** Lets the next one start, whenever the last one has ended. */
async function replaceUntil<Value>(settled: Promise<Value>): Promise<Value> {
  let isSettled = false;
  const mark = () => {
    isSettled = true;
  };
  settled.then(mark, mark);
  for (let turns = 0; !isSettled; turns += 1) {
    if (turns > MAX_TURNS) throw new Error('it does not come to an end');
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(100);
  }
  return settled;
}

const RAW = memoryFile(Buffer.alloc(8192));
const SOUND = {
  format: 'raw',
  description: { format: 'raw', content: 'raw', virtualSizeBytes: 8192, problems: [] },
};

describe('what is parsed in another process', () => {
  it.each([...Object.entries(SOUND_IMAGES), ['qcow', () => qcow1(1024 ** 2)] as const])(
    'is as it is in this one: %s',
    async (_name, make) => {
      const { parser } = open(honest);
      const content = make();
      for (const task of TASKS) {
        const here = await ownParser.parse(task, memoryFile(content));
        expect(await parser.parse(task, memoryFile(content))).toEqual(here);
      }
    },
  );

  it.each([
    ['an empty file', Buffer.alloc(0)],
    ['one byte', Buffer.from([0])],
    ['a qcow2 whose tables stand behind the end', SOUND_IMAGES.qcow2().subarray(0, 512)],
    ['an archive that is cut off', SOUND_IMAGES['docker-archive']().subarray(0, 3000)],
    ['a vhdx that is cut off', SOUND_IMAGES.vhdx().subarray(0, 70_000)],
  ])('is as it is in this one: %s', async (_name, content) => {
    const { parser } = open(honest);
    for (const task of ['describe', 'validate'] as const) {
      const here = await ownParser.parse(task, memoryFile(content));
      expect(await parser.parse(task, memoryFile(content))).toEqual(here);
    }
  });

  it('is read in pieces where it is long', async () => {
    const { parser } = open(honest);
    const lengths: number[] = [];
    const manifest = Buffer.from(JSON.stringify({ Config: 'c', Layers: [], x: 'y'.repeat(400_000) }));
    const header = SOUND_IMAGES['docker-archive']().subarray(0, 512);
    expect(header.length).toBe(512);
    const archive = Buffer.alloc(1024 * 1024);
    manifest.copy(archive, 512);
    const file = memoryFile(archive);
    const watched = {
      ...file,
      readAt(offset: number, length: number) {
        lengths.push(length);
        return file.readAt(offset, length);
      },
    };
    await parser.parse('validate', { ...watched });
    expect(Math.max(...lengths)).toBeLessThanOrEqual(128 * 1024);
  });
});

/** Neither the beginning nor the end, which are read before anybody asks. */
const isWithin = (offset: number) => offset > 0 && offset < SOUND_IMAGES.vhdx().length - 512;

describe('a process', () => {
  it('is there while something is parsed, and ends when nothing was for a while', async () => {
    const { parser, started } = open(honest);
    expect([started(), parser.kept()]).toEqual([0, null]);
    for (const times of [1, 2, 3]) {
      expect(await parser.parse('describe', RAW)).toEqual(SOUND);
      clock.advance(IDLE_MS - 1);
      expect([started(), parser.kept()]).toEqual([times, expect.anything()]);
      clock.advance(1);
      expect([started(), parser.kept(), parser.restarts()]).toEqual([times, null, 0]);
    }
  });

  it('does not end while a file is parsed, however long that takes', async () => {
    const { parser, started } = open(honest);
    const [asked, given] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const file = {
      ...memoryFile(SOUND_IMAGES.vhdx()),
      async readAt(offset: number, length: number) {
        if (isWithin(offset)) {
          asked.resolve();
          await given.promise;
        }
        return SOUND_IMAGES.vhdx().subarray(offset, offset + length);
      },
    };
    const parsed = parser.parse('describe', file);
    await asked.promise;
    clock.advance(10 * IDLE_MS);
    given.resolve();
    expect((await parsed).format).toBe('vhdx');
    expect(started()).toBe(1);
  });

  it('counts its restarts also when it was ended meanwhile', async () => {
    const once: Script = answering((_message, _say, end) => end({ signal: 'SIGKILL' }));
    const { parser } = open(once, honest);
    expect(await replaceUntil(parser.parse('describe', RAW))).toEqual(SOUND);
    clock.advance(IDLE_MS);
    expect([parser.kept(), parser.restarts()]).toEqual([null, 1]);
    expect(await parser.parse('describe', RAW)).toEqual(SOUND);
    expect(parser.restarts()).toBe(1);
  });
});

describe('a file that changes', () => {
  it('that became shorter is described by what is there', async () => {
    const { parser } = open(honest);
    const content = SOUND_IMAGES.vhdx();
    const file = { ...memoryFile(content.subarray(0, 70_000)), sizeBytes: content.length };
    const { description } = await parser.parse('describe', file);
    expect(description).toEqual((await ownParser.parse('describe', file)).description);
  });

  it.each(['SourceChangedError', 'EIO'])('that cannot be read tells so itself: %s', async (code) => {
    const { parser } = open(honest);
    const failure = Object.assign(new Error('read'), { code });
    const file = {
      ...memoryFile(SOUND_IMAGES.vhdx()),
      readAt: async (offset: number, length: number) => {
        if (isWithin(offset)) throw failure;
        return SOUND_IMAGES.vhdx().subarray(offset, offset + length);
      },
    };
    await expect(parser.parse('describe', file)).rejects.toBe(failure);
    expect(await parser.parse('describe', RAW)).toEqual(SOUND);
  });

  it('is not waited for by who does not want it any more', async () => {
    const { parser, started } = open(honest);
    const abort = new AbortController();
    const file = {
      ...memoryFile(SOUND_IMAGES.vhdx()),
      readAt: async (offset: number, length: number) => {
        if (!isWithin(offset)) return SOUND_IMAGES.vhdx().subarray(offset, offset + length);
        abort.abort(new Error('enough'));
        return new Promise<Buffer>(() => {});
      },
    };
    await expect(parser.parse('describe', file, abort.signal)).rejects.toThrow('enough');
    expect(await parser.parse('describe', RAW)).toEqual(SOUND);
    expect(started()).toBe(1);
  });
});

/** A parser that does as it is told with a file of this size, and parses others. */
const MARK = 5000;
const BAD = memoryFile(Buffer.alloc(MARK));
const hostile = (
  act: (job: number, say: (document: object) => void, end: Parameters<Script>[1]) => void,
): Script =>
  answering((message, say, end) => {
    if (message.kind === 'start' && message.sizeBytes === MARK) act(message.job, say, end);
    else if (message.kind === 'start') say({ kind: 'done', job: message.job, outcome: SOUND });
    else if (message.kind === 'bytes') act(message.job, say, end);
  });
const outcome = (change: object) => ({ ...SOUND, description: { ...SOUND.description, ...change } });

describe('a hostile parser', () => {
  it.each<[string, Parameters<typeof hostile>[0]]>([
    ['crashes', (_job, _say, end) => end({ signal: 'SIGSEGV' })],
    ['ends by itself', (_job, _say, end) => end({ code: 0 })],
    ['says a word that there is not', (job, say) => say({ kind: 'open', job, path: '/etc/shadow' })],
    [
      'asks for a length beyond the bounds',
      (job, say) => say({ kind: 'read', job, ask: 1, offset: 0, length: 2 ** 30 }),
    ],
    ['asks before the beginning', (job, say) => say({ kind: 'read', job, ask: 1, offset: -1, length: 1 })],
    ['asks for a part of a byte', (job, say) => say({ kind: 'read', job, ask: 1, offset: 0.5, length: 1 })],
    [
      'asks for too much at a time',
      (job, say) => {
        for (let ask = 1; ask < 40; ask += 1)
          say({ kind: 'hash', job, ask, offset: 0, sizeBytes: 1, algorithm: 'md5' });
      },
    ],
    [
      'asks for the digest of what is behind the end',
      (job, say) => say({ kind: 'hash', job, ask: 1, offset: 0, sizeBytes: MARK + 1, algorithm: 'sha256' }),
    ],
    ['tells of a job that there is not', (job, say) => say({ kind: 'done', job: job + 1, outcome: SOUND })],
    [
      'says a format that there is not',
      (job, say) => say({ kind: 'done', job, outcome: outcome({ format: 'exe' }) }),
    ],
    [
      'says a size that is none',
      (job, say) => say({ kind: 'done', job, outcome: outcome({ virtualSizeBytes: -1 }) }),
    ],
    ['says nothing of what it is asked', (job, say) => say({ kind: 'done', job, outcome: null })],
    [
      'says what acts on a terminal',
      (job, say) =>
        say({
          ...{ kind: 'done', job },
          outcome: outcome({ problems: [{ code: 'ENCRYPTED', message: '\u001b[2Jall is well' }] }),
        }),
    ],
    [
      'says too much',
      (job, say) => say({ kind: 'done', job, outcome: outcome({ content: 'x'.repeat(5 * 1024 * 1024) }) }),
    ],
    ['gives up', (job, say) => say({ kind: 'failed', job, reason: 'no' })],
    ['begins anew', (_job, say) => say({ kind: 'ready' })],
  ])('that %s costs that file alone', async (_name, act) => {
    const { parser } = open(hostile(act));
    const bad = parser.parse('describe', BAD);
    const failed = expect(replaceUntil(bad)).rejects.toMatchObject({ name: 'UnreadableContentError' });
    const others = Array.from({ length: 20 }, () => parser.parse('describe', RAW));
    await failed;
    for (const other of others) expect(await replaceUntil(other)).toEqual(SOUND);
    expect(await replaceUntil(parser.parse('describe', RAW))).toEqual(SOUND);
  });

  it('that asks without end is refused at some time', async () => {
    let ask = 0;
    const { parser, started } = open(
      hostile((job, say) => {
        ask += 1;
        say({ kind: 'read', job, ask, offset: 0, length: 1 });
      }),
    );
    await expect(parser.parse('describe', BAD)).rejects.toThrow('more of it would have to be read');
    expect(ask).toBeLessThan(30_000);
    expect(await parser.parse('describe', RAW)).toEqual(SOUND);
    expect(started()).toBe(1);
  });

  it('that goes on with a file that was refused is ended', async () => {
    let ask = 0;
    const greedy = hostile((job, say) => {
      for (let i = 0; i < 5; i += 1) {
        ask += 1;
        say({ kind: 'read', job, ask, offset: 0, length: 128 * 1024 });
      }
    });
    // Once more alone: somebody else may have ended the process.
    const { parser, started } = open(greedy, greedy, honest);
    await expect(replaceUntil(parser.parse('describe', BAD))).rejects.toMatchObject({
      name: 'UnreadableContentError',
    });
    expect(await replaceUntil(parser.parse('describe', RAW))).toEqual(SOUND);
    expect(started()).toBeGreaterThanOrEqual(1);
  });

  it.each([
    ['once, costs nothing', 1],
    ['twice, costs the file that was alone in it', 2],
  ])('that was killed over one file %s', async (_, kills) => {
    const killed: Script = answering((_message, _say, end) => end({ signal: 'SIGKILL' }));
    const { parser, started } = open(...Array.from({ length: kills }, () => killed), honest);
    const parsed = replaceUntil(parser.parse('describe', RAW));
    if (kills === 1) expect(await parsed).toEqual(SOUND);
    else await expect(parsed).rejects.toMatchObject({ name: 'UnreadableContentError' });
    expect(await replaceUntil(parser.parse('describe', RAW))).toEqual(SOUND);
    expect(started()).toBe(kills + 1);
  });

  it('that hangs is ended, and what it was doing is done by the next', async () => {
    const hangs: Script = answering(() => {});
    const { parser, started } = open(hangs, honest);
    const both = [parser.parse('describe', RAW), parser.parse('describe', BAD)];
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(SILENCE_MS);
    await replaceUntil(Promise.all(both));
    expect(started()).toBe(2);
  });

  it('that ends again and again is said to do so, and is tried again', async () => {
    const { parser, started } = open(answering((_message, _say, end) => end({ signal: 'SIGSEGV' })));
    let failures = 0;
    while (started() < 6 && failures < 50) {
      await replaceUntil(
        parser.parse('describe', RAW).catch(() => {
          failures += 1;
        }),
      );
      clock.advance(100);
    }
    expect(failures).toBeGreaterThanOrEqual(5);
  });

  it('that never begins is no parser', async () => {
    const { parser } = open((_channel, end) =>
      end({ refusal: 'there is no filter of system calls for s390x' }),
    );
    parser.begin();
    expect(await replaceUntil(parser.began)).toBe('there is no filter of system calls for s390x');
  });
});
