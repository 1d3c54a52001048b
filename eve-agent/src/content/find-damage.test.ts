// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { findDamage } from './find-damage.ts';

const { signal } = new AbortController();
const systemError = (code: string) => Object.assign(new Error(`${code}: as the system says`), { code });

it.each([
  ['is what it was', async () => ({ hex: 'aa', sizeBytes: 1 }), null],
  ['has other bytes', async () => ({ hex: 'bb', sizeBytes: 1 }), 'its sha256 is bb now'],
  ['is gone', () => Promise.reject(systemError('ENOENT')), 'it is gone'],
  ['lies on a bad disk', () => Promise.reject(systemError('EIO')), 'it cannot be read: EIO'],
])('a file that %s', async (_title, hashFile, damage) => {
  const found = await findDamage(hashFile, '/verified', { algorithm: 'sha256', hex: 'aa' }, signal);
  if (damage === null) expect(found).toBeNull();
  else expect(found).toContain(damage);
});

it('is not damaged because nobody waits for the answer any more', async () => {
  const reason = new Error('stopped');
  const reading = findDamage(
    () => Promise.reject(reason),
    '/verified',
    { algorithm: 'sha256', hex: 'aa' },
    AbortSignal.abort(reason),
  );
  await expect(reading).rejects.toBe(reason);
});
