// SPDX-License-Identifier: Apache-2.0
/** What is made of archives of images on their way to an engine: of any content, in any order, damaged anywhere. */
import { createHash } from 'node:crypto';
import { compressionOf, isUnpacked } from '@local-datastore/shared/compression/compression-of';
import { unpack } from '@local-datastore/shared/compression/unpack';
import { type TestMember, tar, tarMember } from '@local-datastore/shared/tar/testing/tar';
import { expect, it } from 'vitest';
import { ImageStreamError } from '../../eve-agent/src/launch/image-stream/image-stream-error.ts';
import { checkSource, inPieces, TAG } from '../../eve-agent/src/launch/image-stream/testing/check-bytes.ts';
import { engineView, namesHandedOn } from '../../eve-agent/src/launch/image-stream/testing/handed-on.ts';
import {
  ENCODINGS,
  type Encoding,
  FORMS,
  type Form,
  LAYERS,
} from '../../eve-agent/src/launch/image-stream/testing/image-archives.ts';
import { type Random, randomOfThisRun } from '../random.ts';
import { repetitions } from '../soak.ts';

const CASES = repetitions({ short: 1500, long: 30_000 });
/** So small that some are beyond it. */
const MAX_BYTES = 40_000;
const encodings = Object.keys(ENCODINGS) as Encoding[];
const forms = Object.keys(FORMS) as Form[];
const TYPES = ['0', '1', '2', '3', '5', '6', '7', 'L', 'K', 'x', 'g', 'S', 'V', '\0'];
const NAMES = [
  'manifest.json',
  'index.json',
  'oci-layout',
  'repositories',
  '../x',
  '/x',
  'a/../b',
  '',
  './',
  'blobs/sha256/x',
];

/** Another text that is near: what a document says of others, above all. */
function nearText(random: Random, text: string): string {
  const at = random.integer(0, text.length);
  switch (random.integer(0, 4)) {
    case 0:
      return text.slice(0, at) + random.pick([...'"{}[],:0-9\\/\u0000 abcdef']) + text.slice(at + 1);
    case 1:
      return text.slice(0, at);
    case 2:
      return text.replace(
        random.pick(['amd64', 'linux', 'sha256', 'layer', '1']),
        random.pick(['arm64', 'x', '', 'sha512', '0']),
      );
    case 3:
      return text + text;
    default:
      return text.replaceAll(
        random.pick(['rootfs', 'layers', 'Config', 'digest', 'size']),
        random.pick(['Rootfs', 'null', 'x']),
      );
  }
}

function near(random: Random, member: TestMember): TestMember {
  const content = Buffer.from(member.content ?? '');
  switch (random.integer(0, 7)) {
    case 0:
      return { ...member, name: random.pick([...NAMES, member.name.slice(1)]) };
    case 1:
      return { ...member, type: random.pick(TYPES), linkName: random.pick([...NAMES, member.name]) };
    case 2:
      return { ...member, content: content.subarray(0, random.integer(0, content.length)) };
    case 3:
      return { ...member, content: random.bytes(random.integer(0, 600)) };
    case 4:
      return {
        ...member,
        sizeField: random.pick(['77777777777\0', '-1', '', '00000001000\0', Buffer.alloc(12, 255)]),
      };
    case 5:
      return { ...member, content: random.pick(LAYERS) };
    default:
      return { ...member, content: nearText(random, content.toString('latin1')) };
  }
}

function disturbed(random: Random, members: readonly TestMember[]): TestMember[] {
  const result = [...members];
  for (let i = random.integer(0, 2); i > 0; i -= 1) {
    const at = random.integer(0, result.length - 1);
    const member = result[at];
    if (member === undefined) continue;
    const other = random.pick(members);
    const replacement = random.pick([
      [],
      [member, member],
      [other],
      [member, near(random, member)],
      [near(random, member)],
    ]);
    result.splice(at, 1, ...replacement);
  }
  if (random.integer(0, 2) === 0) result.sort(() => random.next() - 0.5);
  return result;
}

/** Bytes that are near: a few changed, some cut out, put in, or repeated. */
function nearBytes(random: Random, bytes: Buffer): Buffer {
  const at = random.integer(0, bytes.length);
  const to = Math.min(bytes.length, at + random.integer(0, 1024));
  switch (random.integer(0, 7)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)]);
    case 2:
      return Buffer.concat([bytes.subarray(0, to), bytes.subarray(at)]);
    case 3:
      return Buffer.concat([bytes.subarray(0, at), random.bytes(random.integer(1, 600)), bytes.subarray(at)]);
    case 4: {
      const changed = Buffer.from(bytes);
      if (at < changed.length) changed.writeUInt8(random.integer(0, 255), at);
      return changed;
    }
    default:
      return bytes;
  }
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

async function diffId(layer: Buffer): Promise<string> {
  const compression = compressionOf(layer);
  if (!isUnpacked(compression)) return `sha256:${sha256(layer)}`;
  const hash = createHash('sha256');
  for await (const piece of unpack(inPieces(layer), compression)) hash.update(piece);
  return `sha256:${hash.digest('hex')}`;
}

it('an image whose digests are right, or a refusal of which the engine sees no image', async () => {
  const random = randomOfThisRun('archives of images');
  const outcomes = new Map<string, number>();
  for (let i = 0; i < CASES; i += 1) {
    const members = disturbed(random, FORMS[random.pick(forms)]({ layerEncoding: random.pick(encodings) }));
    const plain = random.integer(0, 3) === 0 ? Buffer.concat(members.map(tarMember)) : tar(...members);
    const bytes = nearBytes(random, ENCODINGS[random.pick(encodings)](nearBytes(random, plain)));
    let handedOn: Buffer = Buffer.alloc(0);
    let outcome = 'taken';
    try {
      const checked = await checkSource(
        inPieces(bytes, random.pick([100, 1000, 65_536])),
        { maxBytes: MAX_BYTES },
        (given) => {
          handedOn = given;
        },
      );
      const { image, files } = checked;
      const { tags, config = Buffer.alloc(0), layers } = engineView(checked);
      expect(tags).toEqual([TAG]);
      expect(sha256(config)).toBe(image.configDigest.hex);
      expect(JSON.parse(config.toString()).rootfs.diff_ids).toEqual(image.diffIds);
      const found = await Promise.all(layers.map((layer = Buffer.alloc(0)) => diffId(layer)));
      expect(found).toEqual(image.diffIds);
      expect([...files.keys()].at(-1)).toBe('manifest.json');
    } catch (error) {
      if (!(error instanceof ImageStreamError)) throw error;
      outcome = error.code;
      expect(await namesHandedOn(handedOn)).toEqual([]);
    }
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  // Both ends are reached, and most of what lies between.
  expect(outcomes.get('taken')).toBeGreaterThan(CASES / 20);
  expect(outcomes.size).toBeGreaterThan(8);
});
