// SPDX-License-Identifier: Apache-2.0
import { contentDigest } from '@local-datastore/shared/oci/content-digest';
import { digestOfHex } from '@local-datastore/shared/oci/digest';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OpenTarget, Target } from '../transfer/target.ts';

export const CONTENT = Buffer.from('some bytes of an image');
const DIGEST = contentDigest(CONTENT);
const RECORD = {
  url: 'http://ds.local/a.img',
  digest: DIGEST,
  totalBytes: CONTENT.length,
  validators: { etag: '"one"', lastModified: null },
};
export const WANTED = { sizeBytes: CONTENT.length, digest: DIGEST };

/** A target under test. */
export interface TargetUnderTest {
  readonly target: Target;
  /** What has its name by now; null: nothing has. */
  published(): Promise<Buffer | null>;
  /** Whether nothing is left of downloads that did not end well. */
  isTidy(): Promise<boolean>;
}

/**
 * What a download expects of every target.
 *
 * @param keeps whether what has arrived of a download that fails is there for the next one
 */
export function describeTargetContract(
  name: string,
  create: () => Promise<TargetUnderTest>,
  keeps = true,
): void {
  describe(`the target ${name}`, () => {
    let under: TargetUnderTest;
    const opened: OpenTarget[] = [];
    async function open(): Promise<OpenTarget> {
      const target = await under.target.open();
      opened.push(target);
      return target;
    }
    async function closeAll(): Promise<void> {
      for (const target of opened.splice(0)) await target.close();
    }
    beforeEach(async () => {
      under = await create();
    });
    afterEach(closeAll);

    it('takes bytes in, and publishes them when they are the wanted ones', async () => {
      const target = await open();
      expect([target.stored, target.position]).toEqual([null, 0]);
      await target.begin(CONTENT.length, RECORD);
      const region = target.region() as Uint8Array;
      region.set(CONTENT.subarray(0, 5));
      target.take(Buffer.from(region.buffer, region.byteOffset, 5));
      target.take(CONTENT.subarray(5));
      expect(target.position).toBe(CONTENT.length);
      expect(await target.publish(WANTED)).toEqual({ kind: 'accepted', digest: DIGEST });
      expect([await under.published(), await under.isTidy()]).toEqual([CONTENT, true]);
    });

    it('publishes whatever has come where nobody says what is wanted', async () => {
      const target = await open();
      target.take(CONTENT);
      const verdict = await target.publish({ sizeBytes: null, digest: null });
      expect(verdict).toEqual({ kind: 'accepted', digest: DIGEST });
    });

    it.each([
      ['another size', { ...WANTED, sizeBytes: 5 }, { kind: 'wrong-size' }],
      [
        'another digest',
        { ...WANTED, digest: digestOfHex('f'.repeat(64)) },
        { kind: 'wrong-digest', digest: DIGEST },
      ],
    ])('publishes nothing where bytes of %s were wanted', async (_, expected, verdict) => {
      const target = await open();
      target.take(CONTENT);
      expect(await target.publish(expected)).toEqual(verdict);
      await target.abandon(true);
      expect([await under.published(), await under.isTidy()]).toEqual([null, true]);
      await closeAll();
      expect((await open()).stored).toBeNull();
    });

    if (keeps)
      it('keeps what has arrived for a later run, which goes on from there', async () => {
        const first = await open();
        await first.begin(CONTENT.length, RECORD);
        first.take(CONTENT.subarray(0, 9));
        await first.abandon(false);
        await closeAll();
        const second = await open();
        expect(second.stored).toEqual({ record: RECORD, sizeBytes: 9 });
        await second.resume();
        expect(second.position).toBe(9);
        second.take(CONTENT.subarray(9));
        expect(await second.publish(WANTED)).toEqual({ kind: 'accepted', digest: DIGEST });
      });

    it.each([
      ['starts over', (target: OpenTarget) => target.restart()],
      ['begins anew', (target: OpenTarget) => target.begin(CONTENT.length, RECORD)],
    ])('forgets what was taken in when it %s, and leaves nothing of nothing', async (_, forget) => {
      const target = await open();
      target.take(Buffer.from('other bytes'));
      await forget(target);
      expect(target.position).toBe(0);
      await target.abandon(false);
      expect(await under.isTidy()).toBe(true);
    });

    it('is one download’s at a time', async () => {
      await open();
      await expect(under.target.open()).rejects.toMatchObject({ code: 'TARGET_BUSY' });
      await closeAll();
      await expect(open()).resolves.toMatchObject({ position: 0 });
    });

    it('has room, or says that it has not', async () => {
      const target = await open();
      await target.requireSpace(1);
      const tooMuch = target.requireSpace(Number.MAX_SAFE_INTEGER);
      await expect(tooMuch).rejects.toMatchObject({ code: 'NO_SPACE' });
      const begun = target.begin(Number.MAX_SAFE_INTEGER, RECORD);
      await expect(begun).rejects.toMatchObject({ code: 'NO_SPACE' });
      await target.abandon(false);
      expect(await under.isTidy()).toBe(true);
    });
  });
}
