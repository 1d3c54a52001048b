// SPDX-License-Identifier: Apache-2.0
import { tar } from '@local-datastore/shared/tar/testing/tar';
import { describe, expect, it } from 'vitest';
import { ImageStreamError } from './image-stream-error.ts';
import { checkSource, inPieces } from './testing/check-bytes.ts';
import { type EngineView, engineView, namesHandedOn } from './testing/handed-on.ts';
import { archiveOf, ENCODINGS, type Encoding, FORMS, type Form } from './testing/image-archives.ts';

const LAYERS = [tar({ name: 'etc/one', content: 'one' })];
const formNames = Object.keys(FORMS) as Form[];
const encodingNames = Object.keys(ENCODINGS) as Encoding[];
const AT_ONCE = 8;
const whole = new Map<string, EngineView>();

/** What an engine makes of bytes; undefined: they are refused, and it sees no image. */
async function outcome(bytes: Buffer, title: string): Promise<EngineView | undefined> {
  let handedOn: Buffer = Buffer.alloc(0);
  try {
    return engineView(
      await checkSource(inPieces(bytes), {}, (given) => {
        handedOn = given;
      }),
    );
  } catch (error) {
    if (!(error instanceof ImageStreamError)) throw new Error(title, { cause: error });
    const names = await namesHandedOn(handedOn);
    if (names.length > 0) throw new Error(`${title}: ${names} came to the engine`);
    return undefined;
  }
}

async function wholeOf(form: Form, layerEncoding: Encoding): Promise<EngineView> {
  const key = `${form} ${layerEncoding}`;
  const known = whole.get(key) ?? (await outcome(archiveOf(form, { layers: LAYERS, layerEncoding }), key));
  if (known === undefined) throw new Error(`${key} is refused`);
  whole.set(key, known);
  return known;
}

/** How many are refused; each other must be the same image. */
async function countRefused(
  damages: Generator<readonly [title: string, bytes: Buffer]>,
  expected: EngineView,
) {
  let refused = 0;
  /** Each takes the next one that is left. */
  const tryNext = async () => {
    for (const [title, bytes] of damages) {
      const seen = await outcome(bytes, title);
      if (seen === undefined) refused += 1;
      else expect(seen, title).toEqual(expected);
    }
  };
  // Decompression is done by threads: one archive alone would wait for them at every step.
  await Promise.all(Array.from({ length: AT_ONCE }, tryNext));
  return refused;
}

function* cuts(bytes: Buffer, step: number): Generator<readonly [string, Buffer]> {
  for (let at = 0; at < bytes.length; at += step) yield [`cut at ${at}`, bytes.subarray(0, at)];
}

function* flips(bytes: Buffer, mask: number): Generator<readonly [string, Buffer]> {
  for (let at = 0; at < bytes.length; at += 1) {
    const flipped = Buffer.from(bytes);
    flipped.writeUInt8(flipped.readUInt8(at) ^ mask, at);
    yield [`${mask} flipped at ${at}`, flipped];
  }
}

describe.each(formNames)('%s', (form) => {
  it('cut off before any block: refused, or all of the image is there', async () => {
    for (const layerEncoding of ['plain', 'gzip', 'zstd'] as const) {
      const bytes = archiveOf(form, { layers: LAYERS, layerEncoding });
      const refused = await countRefused(cuts(bytes, 512), await wholeOf(form, layerEncoding));
      // What ends behind its last entry is whole, as some writers leave out the end.
      expect(refused).toBeGreaterThan(bytes.length / 512 - 10);
    }
  });

  it.each(encodingNames.slice(1))('of %s, cut off before any byte: refused', async (encoding) => {
    const bytes = ENCODINGS[encoding](archiveOf(form, { layers: LAYERS }));
    const endings = encoding === 'zstd frames' ? 13 : 0;
    const refused = await countRefused(cuts(bytes, 1), await wholeOf(form, 'plain'));
    // But where a frame that is skipped, and ends it, is left out.
    expect(refused).toBeGreaterThanOrEqual(bytes.length - endings);
  });
});

it('cut off before any byte', async () => {
  const bytes = archiveOf('docker save of 20', { layers: LAYERS });
  await countRefused(cuts(bytes, 1), await wholeOf('docker save of 20', 'plain'));
});

describe('one bit flipped anywhere: refused, or the same image', () => {
  it.each(['docker save of 20', 'docker save of 28'] as const)('%s', async (form) => {
    const bytes = archiveOf(form, { layers: LAYERS });
    const refused = await countRefused(flips(bytes, 4), await wholeOf(form, 'plain'));
    expect(refused).toBeGreaterThan(1000);
  });
  it.each(['gzip', 'zstd'] as const)('in a layer of %s', async (layerEncoding) => {
    const bytes = archiveOf('oci-archive', { layers: LAYERS, layerEncoding });
    await countRefused(flips(bytes, 1), await wholeOf('oci-archive', layerEncoding));
  });
  it.each(encodingNames.slice(1))('of %s', async (encoding) => {
    for (const mask of [1, 128]) {
      const bytes = ENCODINGS[encoding](archiveOf('docker save of 20', { layers: LAYERS }));
      await countRefused(flips(bytes, mask), await wholeOf('docker save of 20', 'plain'));
    }
  });
});
