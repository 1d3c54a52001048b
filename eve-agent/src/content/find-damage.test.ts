import { expect, it } from 'vitest';
import { findDamage } from './find-damage.ts';

const { signal } = new AbortController();
const systemError = (code: string) => Object.assign(new Error(`${code}: as the system says`), { code });

it.each([
  ['is what it was', async () => ({ sha256: 'aa', sizeBytes: 1 }), null],
  ['has other bytes', async () => ({ sha256: 'bb', sizeBytes: 1 }), 'its sha256 is bb now'],
  ['is gone', () => Promise.reject(systemError('ENOENT')), 'it is gone'],
  ['lies on a bad disk', () => Promise.reject(systemError('EIO')), 'it cannot be read: EIO'],
])('a file that %s', async (_title, hashFile, damage) => {
  const found = await findDamage(hashFile, '/verified', 'aa', signal);
  if (damage === null) expect(found).toBeNull();
  else expect(found).toContain(damage);
});

it('is not damaged because nobody waits for the answer any more', async () => {
  const reason = new Error('stopped');
  const reading = findDamage(() => Promise.reject(reason), '/verified', 'aa', AbortSignal.abort(reason));
  await expect(reading).rejects.toBe(reason);
});
