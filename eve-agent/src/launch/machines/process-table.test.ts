// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { createProcessTable, startTicksOf } from './process-table.ts';

const STAT = '42 (qemu) (x) S 1 42 42 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 3 0 98765 1000 200';

describe('the processes of a host', () => {
  it('are told apart by when they were started', () => {
    expect(startTicksOf(STAT)).toBe('98765');
    expect(startTicksOf(STAT.replace(') S', ') Z'))).toBeNull();
    expect(startTicksOf('')).toBeNull();
  });

  it('one that has the number of another is never sent a signal', async () => {
    const sent: number[] = [];
    const table = createProcessTable('/proc', (pid) => sent.push(pid));
    const identity = await table.identify(process.pid);
    if (identity === null) throw new Error('this process is there');
    expect(await table.isAlive(identity)).toBe(true);
    const another = { ...identity, startTicks: String(Number(identity.startTicks) - 1) };
    expect(await table.isAlive(another)).toBe(false);
    expect(await table.kill(another, 'SIGKILL')).toBe(false);
    expect(sent).toEqual([]);
    expect(await table.kill(identity, 'SIGTERM')).toBe(true);
    expect(sent).toEqual([process.pid]);
  });

  it('one that has ended is none, also before it is waited for', async () => {
    const child = spawn('sleep', ['1000']);
    await once(child, 'spawn');
    const table = createProcessTable();
    const identity = await table.identify(child.pid ?? 0);
    if (identity === null) throw new Error('it is there');
    const found = await table.findByUser(process.getuid?.() ?? 0);
    expect(found.find(({ pid }) => pid === child.pid)?.command).toEqual(['sleep', '1000']);
    const ended = once(child, 'exit');
    expect(await table.kill(identity, 'SIGKILL')).toBe(true);
    await ended;
    expect(await table.isAlive(identity)).toBe(false);
    expect(await table.kill(identity, 'SIGKILL')).toBe(false);
  });
});
