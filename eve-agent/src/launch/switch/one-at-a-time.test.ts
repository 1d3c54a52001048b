// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { createOneAtATime } from './one-at-a-time.ts';

describe('createOneAtATime', () => {
  it('a second operation is told what is going on, and since when', async () => {
    const one = createOneAtATime(() => Date.UTC(2026, 10, 29, 20));
    const { promise, resolve } = Promise.withResolvers<string>();
    const first = one.run('web', 'deploy', () => promise);
    expect(one.running('web')).toEqual({ operation: 'deploy', sinceMs: Date.UTC(2026, 10, 29, 20) });
    await expect(one.run('web', 'restart', async () => '')).rejects.toMatchObject({
      code: 'CONFLICT',
      details: { operation: 'deploy', since: '2026-11-29T20:00:00.000Z' },
    });
    expect(await one.run('other', 'restart', async () => 'beside')).toBe('beside');
    resolve('done');
    expect(await first).toBe('done');
    expect(one.running('web')).toBeNull();
    expect(await one.run('web', 'restart', async () => 'again')).toBe('again');
  });

  it('what fails holds nothing', async () => {
    const one = createOneAtATime(() => 0);
    const failing = async () => {
      throw new Error('no');
    };
    await expect(one.run('web', 'deploy', failing)).rejects.toThrow('no');
    expect(await one.run('web', 'deploy', async () => 'yes')).toBe('yes');
  });

  it('what puts right by itself is waited for, one after another', async () => {
    const one = createOneAtATime(() => 0);
    const { promise, resolve } = Promise.withResolvers<void>();
    const order: string[] = [];
    const converging = one.run('web', 'converge', async () => {
      await promise;
      order.push('converge');
    });
    const deploying = one.run('web', 'deploy', async () => void order.push('deploy'));
    const another = one.run('web', 'stop', async () => {});
    resolve();
    await Promise.all([converging, deploying]);
    await expect(another).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(order).toEqual(['converge', 'deploy']);
  });
});
