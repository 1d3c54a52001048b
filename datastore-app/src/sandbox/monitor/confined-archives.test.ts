// SPDX-License-Identifier: Apache-2.0
/** Archives whose members are told by a process of its own: one that means well, and one that lies. */
import { silentLog } from '@local-datastore/shared/log';
import { createManualClock } from '@local-datastore/shared/manual-clock';
import { OCI_MANIFEST } from '@local-datastore/shared/oci/media-types';
import { paxMember, tar, tarHeader } from '@local-datastore/shared/tar/testing/tar';
import { afterEach, describe, expect, it } from 'vitest';
import { createImportScene, type ImportScene } from '../../archive-imports/testing/import-scene.ts';
import { createArchiveScene } from '../../archives/testing/archive-scene.ts';
import { tarMembers } from '../../formats/tar-members.ts';
import {
  descriptor,
  IMAGE_BLOBS,
  indexFile,
  LAYOUT,
  MANIFEST,
} from '../../formats/testing/container-archives.ts';
import { parsedMembers } from '../../parsing/parsed-members.ts';
import { ownParser } from '../../parsing/run-task.ts';
import { memoryFile } from '../../parsing/testing/memory-file.ts';
import { runParsers } from '../calves/parsers/run-parsers.ts';
import { answering, type Script, scriptedCalves } from '../testing/scripted-calves.ts';
import { type ConfinedParser, createConfinedParser } from './confined-parser.ts';

const honest: Script = (channel, end) => void runParsers(channel).then(() => end({ code: 0 }));

const clock = createManualClock();
const undo: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const each of undo.splice(0).reverse()) await each();
});

function open(script: Script): ConfinedParser {
  const parser = createConfinedParser({ clock, log: silentLog, start: scriptedCalves([script]).start });
  undo.push(() => parser.stop());
  return parser;
}

const NAMED = descriptor(MANIFEST, OCI_MANIFEST, {
  annotations: { 'org.opencontainers.image.ref.name': 'lab/app:1' },
});
const IMAGE = tar(LAYOUT, ...IMAGE_BLOBS, indexFile(NAMED));
const long = 'a/'.repeat(200);

async function all(members: ReturnType<typeof tarMembers>) {
  const found: unknown[] = [];
  for (;;) {
    const next = await members.next();
    found.push(next.value);
    if (next.done) return found;
  }
}

describe('the members of an archive', () => {
  it.each<[string, Buffer]>([
    ['an image layout', IMAGE],
    ['nothing', Buffer.alloc(0)],
    ['less than a header', Buffer.alloc(100)],
    ['no tar', Buffer.alloc(3000, 'x')],
    ['cut off in a header', IMAGE.subarray(0, 600)],
    ['cut off in a member', IMAGE.subarray(0, IMAGE.length - 1400)],
    ['a name in a pax header', tar(paxMember({ path: long, size: '3' }), { name: 'x', content: 'abc' })],
    ['a long name of GNU', tar({ name: 'L', type: 'L', content: long }, { name: 'x', content: 'abc' })],
    ['links', tar({ name: 'a', content: 'b' }, { name: 'c', type: '1', linkName: 'a' })],
    [
      'headers without end',
      Buffer.concat(Array.from({ length: 50 }, () => tarHeader({ name: 'g', type: 'g' }))),
    ],
    ['a size that is none', tar({ name: 'x', sizeField: Buffer.alloc(12, 0xff) })],
    [
      'a size beyond all',
      tar({ name: 'x', sizeField: Buffer.from(`80${'00'.repeat(4)}1f${'ff'.repeat(6)}`, 'hex') }),
    ],
  ])('are as they are told by who reads all of it: %s', async (_, archive) => {
    const { readAt } = memoryFile(archive);
    const whole = await all(tarMembers(readAt, archive.length, 30));
    for (const parser of [ownParser, open(honest)]) {
      expect(await all(parsedMembers(parser, readAt, archive.length, 30))).toEqual(whole);
    }
  });
});

async function sceneOf(script: Script): Promise<ImportScene> {
  const scene = await createImportScene({}, open(script));
  undo.push(scene.remove);
  return scene;
}

describe('an import', () => {
  it('is as it is without that process', async () => {
    const [there, here] = [await sceneOf(honest), await createImportScene()];
    undo.push(here.remove);
    expect(await there.import(IMAGE)).toEqual(await here.import(IMAGE));
    expect(await there.shown()).toEqual(await here.shown());
  });

  const file = (offset: number, sizeBytes: number, name = 'x') => ({
    member: { name, offset, sizeBytes, type: '0', isFile: true, isSparse: false },
    ...{ end: offset + sizeBytes, flaw: null },
  });
  /** All of these are told of the first member, and whatever is asked then. */
  it.each<[string, unknown]>([
    ['begins where no block does', file(700, 10)],
    ['begins before its header', file(0, 10)],
    ['begins behind all headers', file(2 ** 30, 10)],
    ['is longer than the archive', file(512, IMAGE.length)],
    ['is longer than anything', file(512, Number.MAX_SAFE_INTEGER - 512)],
    ['ends elsewhere', { ...file(512, 10), end: 5000 }],
    ['has a size below nothing', file(512, -1)],
    ['is called by an endless name', file(512, 1, 'x'.repeat(70_000))],
    ['says more than there is to say', { ...file(512, 10), path: '/etc/shadow' }],
    ['has something wrong that nobody knows', { ...file(512, 10), flaw: 'evil' }],
    ['is none, where one stands', { member: null, end: 0, flaw: null }],
    ['is none, beyond the end', { member: null, end: 2 ** 40, flaw: null }],
    ['is called as what it is not', file(512, 512, `blobs/sha256/${'a'.repeat(64)}`)],
  ])('of which a lie is told names nothing: a member that %s', async (_, outcome) => {
    const scene = await sceneOf(
      answering((message, say) => {
        if (message.kind === 'start') say({ kind: 'done', job: message.job, outcome });
      }),
    );
    const told = scene.import(IMAGE);
    const failed = expect(told).rejects.toMatchObject({ name: 'ArchiveError' });
    for (let isOver = false; !isOver; ) {
      isOver = await Promise.race([
        told.then(
          () => true,
          () => true,
        ),
        new Promise<boolean>((resolve) => setImmediate(resolve, false)),
      ]);
      clock.advance(100);
    }
    await failed;
    expect(await scene.shown()).toEqual({});
  });
});

it('an archive among the images is the repository that it is without that process', async () => {
  const tags = [];
  for (const parser of [ownParser, open(honest)]) {
    const scene = await createArchiveScene({ 'app.tar': IMAGE }, parser);
    undo.push(scene.remove);
    const registry = await scene.openRegistry();
    const manifest = await registry.readManifest('archives/app', { tag: '1' });
    tags.push(manifest?.digest.hex);
  }
  expect(tags).toEqual([NAMED.digest.slice('sha256:'.length), NAMED.digest.slice('sha256:'.length)]);
});
