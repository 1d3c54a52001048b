// SPDX-License-Identifier: Apache-2.0
/**
 * Runs parts that go on until a signal is aborted. When one fails the others are ended, too.
 *
 * @param stop ends all of them
 * @returns when every one has ended
 * @throws what the first one that failed threw
 */
export async function runTogether(parts: readonly Promise<void>[], stop: () => void): Promise<void> {
  try {
    await Promise.all(parts);
  } catch (error) {
    stop();
    await Promise.allSettled(parts);
    throw error;
  }
}
