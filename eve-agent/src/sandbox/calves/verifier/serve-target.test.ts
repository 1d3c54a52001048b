// SPDX-License-Identifier: Apache-2.0
/** What a calf that was taken over may do with a target: nothing that makes wrong content right. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { socketPair } from '@local-datastore/shared/confinement/system/sockets';
import { contentDigest } from '@local-datastore/shared/oci/content-digest';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFileTarget } from '../../../content/file-target.ts';
import { partialPaths } from '../../../content/partial-file.ts';
import { createSmallFileTarget } from '../../../content/small-file-target.ts';
import type { Target } from '../../../transfer/target.ts';
import { AskRefusal } from '../../exchange/serve-asks.ts';
import type { FillOperation } from '../net/net-messages.ts';
import { type ServedTarget, serveTarget } from './serve-target.ts';

/** Longer than what is written ahead, shorter than a slot. */
const CONTENT = Buffer.from(Array.from({ length: 300_000 }, (_, i) => i % 251));
const WRONG = Buffer.alloc(64 * 1024, 'W');

let folder: string;
let path: string;
let calf: Socket;
let served: ServedTarget;
let position: number;
let sentBytes: number;
let neededBytes: number[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'serve-target-'));
  path = join(folder, 'image.img');
  position = 0;
  sentBytes = 0;
  neededBytes = [];
});
afterEach(async () => {
  calf.destroy();
  await served.close();
  await rm(folder, { recursive: true });
});

const fileTarget = () => createFileTarget(path, { makeRoom: async (bytes) => void neededBytes.push(bytes) });

async function open(target: Target, sizeBytes: number | null = CONTENT.length): Promise<void> {
  const [ours, theirs] = socketPair();
  calf = new Socket({ fd: theirs, readable: true, writable: true }).on('error', () => {}).resume();
  served = serveTarget(
    await target.open(),
    ({ buffer, callback }) =>
      new Socket({ fd: ours, readable: true, writable: false, onread: { buffer, callback } }),
    {
      ...{ onFailure() {}, expected: { sizeBytes, digest: contentDigest(CONTENT) } },
      observer: {
        onEvent() {},
        onProgress(bytes) {
          position = bytes;
        },
      },
    },
    { stallTimeoutMs: 600_000 },
  );
}
const operate = (operation: FillOperation) => served.operate(operation, sentBytes);
async function send(bytes: Buffer): Promise<void> {
  sentBytes += bytes.length;
  await new Promise((resolve) => calf.write(bytes, resolve));
}
const published = () => readFile(path).catch(() => null);
/** That what was sent is stored as far as whole blocks go, as it is when a download is slow. */
async function storedAhead(): Promise<void> {
  await expect
    .poll(async () => {
      const before = position;
      // Writing ahead is decided when the next bytes come.
      await send(Buffer.alloc(4096, 'W'));
      await expect.poll(() => position).toBeGreaterThan(before);
      return (await readFile(partialPaths(path).file)).length;
    })
    .toBeGreaterThan(0);
}

describe('a target that a calf fills', () => {
  it('is published when all bytes are right', async () => {
    await open(fileTarget());
    await operate({ do: 'restart' });
    await send(CONTENT);
    expect(await operate({ do: 'publish' })).toMatchObject({ kind: 'accepted' });
    await served.close();
    expect(await published()).toEqual(CONTENT);
  });

  it('holds what was hashed, though the calf says anew where bytes go that are stored already', async () => {
    await open(fileTarget());
    await operate({ do: 'resume' });
    await storedAhead();
    await expect(operate({ do: 'resume' })).rejects.toThrow(AskRefusal);
    await operate({ do: 'restart' });
    await expect(operate({ do: 'resume' })).rejects.toThrow(AskRefusal);
    await send(CONTENT);
    expect(await operate({ do: 'publish' })).toMatchObject({ kind: 'accepted' });
    expect(await published()).toEqual(CONTENT);
  });

  it.each<FillOperation>([
    { do: 'restart' },
    { do: 'resume' },
    { do: 'abandon', isWrong: true },
    { do: 'publish' },
    { do: 'require-space', neededBytes: 1 },
  ])('is what it is once it is published: $do', async (operation) => {
    await open(fileTarget());
    await operate({ do: 'restart' });
    await send(CONTENT);
    await operate({ do: 'publish' });
    await expect(operate(operation)).rejects.toThrow(AskRefusal);
    await send(WRONG);
    await served.close();
    expect(await published()).toEqual(CONTENT);
    expect(await readdir(folder)).toEqual(['image.img']);
  });

  it.each<[string, number | null]>([
    ['of a size that is known', CONTENT.length],
    ['of any size', null],
  ])('%s takes no bytes while they are placed, and is given up for them', async (_, sizeBytes) => {
    await open(fileTarget(), sizeBytes);
    await operate({ do: 'restart' });
    await send(WRONG);
    const again = operate({ do: 'restart' });
    await send(WRONG);
    await send(CONTENT);
    // They came before the answer did, or after it: both are refused, as bytes or by the count.
    await Promise.allSettled([again]);
    const verdict = await operate({ do: 'publish' }).catch((error: unknown) => error);
    expect(verdict).not.toMatchObject({ kind: 'accepted' });
    expect(await published()).toBeNull();
  });

  it.each<[string, () => Promise<unknown>]>([
    ['bytes before it is said where they go', () => send(CONTENT)],
    [
      'more than there are',
      async () => {
        await operate({ do: 'restart' });
        await send(Buffer.concat([CONTENT, CONTENT]));
      },
    ],
    [
      'fewer than there are',
      async () => {
        await operate({ do: 'restart' });
        await send(CONTENT.subarray(1));
      },
    ],
    [
      'other bytes of the same size',
      async () => {
        await operate({ do: 'restart' });
        await send(Buffer.alloc(CONTENT.length, 'W'));
      },
    ],
    [
      'more bytes than it says',
      async () => {
        await operate({ do: 'restart' });
        await send(CONTENT);
        sentBytes = 5;
      },
    ],
  ])('is not published for %s', async (_, lie) => {
    await open(fileTarget());
    await lie();
    const verdict = await operate({ do: 'publish' }).catch((error: unknown) => error);
    expect(verdict).not.toMatchObject({ kind: 'accepted' });
    await served.close();
    expect(await published()).toBeNull();
  });

  it('is closed while it waits for bytes that never come', async () => {
    await open(fileTarget());
    await operate({ do: 'restart' });
    const waiting = Promise.all(
      Array.from({ length: 100 }, () => expect(served.operate({ do: 'publish' }, 2 ** 52)).rejects.toThrow()),
    );
    await served.close();
    await waiting;
  });

  it('makes room for no more than can come', async () => {
    await open(fileTarget());
    await operate({ do: 'require-space', neededBytes: Number.MAX_SAFE_INTEGER });
    expect(neededBytes).toEqual([CONTENT.length]);
  });

  it('that is small is as strict', async () => {
    await open(createSmallFileTarget(path, CONTENT.length));
    await operate({ do: 'restart' });
    await send(CONTENT);
    expect(await operate({ do: 'publish' })).toMatchObject({ kind: 'accepted' });
    await expect(operate({ do: 'restart' })).rejects.toThrow(AskRefusal);
    await send(WRONG);
    await served.close();
    expect(await published()).toEqual(CONTENT);
  });
});
