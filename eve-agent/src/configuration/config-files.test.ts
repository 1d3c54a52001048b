// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createManualClock } from '@local-datastore/shared/manual-clock';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ConfigReading, readConfigFiles, watchConfigFiles } from './config-files.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'config-files-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

describe('the files of a configuration', () => {
  it('are one, or those of a folder in the order of their names', async () => {
    const file = join(folder, 'one.json');
    await writeFile(file, '{"a":1}');
    expect(await readConfigFiles(file)).toEqual({
      kind: 'pieces',
      pieces: [{ name: '', document: { a: 1 } }],
    });
    await writeFile(join(folder, '00.json'), '{}');
    await writeFile(join(folder, '.hidden.json'), 'no');
    await writeFile(join(folder, 'notes.txt'), 'no');
    const reading = await readConfigFiles(folder);
    expect(reading).toMatchObject({ pieces: [{ name: '00.json' }, { name: 'one.json' }] });
    await writeFile(join(folder, '01.json'), '{');
    expect(await readConfigFiles(folder)).toMatchObject({
      pieces: [
        { name: '00.json', document: {} },
        { name: '01.json', problem: 'not JSON: it ends early, as half a file does' },
        { document: { a: 1 } },
      ],
    });
    expect(await readConfigFiles(join(folder, 'none'))).toMatchObject({
      problems: [{ message: 'there is no such file or folder' }],
    });
    await mkdir(join(folder, 'empty'));
    await writeFile(join(folder, 'empty', 'README'), 'not a fragment');
    expect(await readConfigFiles(join(folder, 'empty'))).toEqual({ kind: 'none' });
  });

  it.each([
    [`{\n "datastores": [{\n  "password": hunter2 }] }`, `not JSON: Unexpected token 'h' in line 3`],
    ['hunter2', `not JSON: Unexpected token 'h' in line 1`],
    ['{"password":"hunter2', 'not JSON: it ends early'],
  ])('are refused without a word of what they hold: %j', async (text, why) => {
    await writeFile(join(folder, 'c.json'), text);
    const reading = await readConfigFiles(folder);
    const told = JSON.stringify(reading);
    expect(told).toContain(why);
    expect(told).not.toContain('unter2');
  });

  it('are files, and nothing that reading could wait for', async () => {
    execFileSync('mkfifo', [join(folder, 'c.json')]);
    await mkdir(join(folder, 'd.json'));
    await symlink('nowhere', join(folder, 'e.json'));
    await writeFile(join(folder, 'f.json'), '{}');
    expect(await readConfigFiles(folder)).toEqual({
      kind: 'pieces',
      pieces: [
        { name: 'c.json', problem: 'it is no file' },
        { name: 'd.json', problem: 'it is no file' },
        { name: 'e.json', problem: 'there is no such file or folder' },
        { name: 'f.json', document: {} },
      ],
    });
  });

  it('are bounded together, and the first of them count', async () => {
    const values = JSON.stringify({ contentInfo: [], more: Array(300_000).fill(0) });
    for (const name of ['a.json', 'b.json']) await writeFile(join(folder, name), values);
    await writeFile(join(folder, 'c.json'), JSON.stringify({ text: 'x'.repeat(8 * 1024 * 1024) }));
    await writeFile(join(folder, 'd.json'), '{}');
    expect(await readConfigFiles(folder)).toMatchObject({
      pieces: [
        { name: 'a.json', document: { contentInfo: [] } },
        { name: 'b.json', problem: expect.stringContaining('values are too many') },
        { name: 'c.json', problem: expect.stringContaining('bytes are too many') },
        { name: 'd.json', document: {} },
      ],
    });
  });

  it('are read again when they change, and half a file only when it stays one', async () => {
    const file = join(folder, 'c.json');
    const readings: ConfigReading[] = [];
    const clock = createManualClock();
    const stop = new AbortController();
    const watching = watchConfigFiles(file, clock, (reading) => readings.push(reading), stop.signal);
    /** Lets the watcher look once more. */
    const look = async () => {
      await expect.poll(() => clock.pendingTimers()).toBe(1);
      clock.advance(1000);
      await expect.poll(() => clock.pendingTimers()).toBe(1);
    };
    await look();
    expect(readings.map(({ kind }) => kind)).toEqual(['unreadable']);
    await writeFile(`${file}.new`, '{"v":1}');
    await rename(`${file}.new`, file);
    await look();
    await look();
    expect(readings.slice(1)).toEqual([{ kind: 'pieces', pieces: [{ name: '', document: { v: 1 } }] }]);
    await writeFile(file, '{"v":');
    await look();
    expect(readings.length).toBe(2);
    await writeFile(file, '{"v":22}');
    await look();
    expect(readings[2]).toMatchObject({ pieces: [{ document: { v: 22 } }] });
    await writeFile(file, '{"v":');
    await look();
    await look();
    expect(readings[3]).toMatchObject({ pieces: [{ problem: expect.stringContaining('ends early') }] });
    stop.abort();
    await watching;
  });

  it('are read though one of them leads nowhere and another never stays the same', async () => {
    await symlink('nowhere', join(folder, 'a.json'));
    await writeFile(join(folder, 'c.json'), '{"v":1}');
    const readings: ConfigReading[] = [];
    const clock = createManualClock();
    const stop = new AbortController();
    const watching = watchConfigFiles(folder, clock, (reading) => readings.push(reading), stop.signal);
    let changes = 0;
    const lookUntilRead = async (version: number) => {
      await expect
        .poll(async () => {
          changes += 1;
          await writeFile(join(folder, 'b.json'), `{${' '.repeat(changes)}`);
          if (clock.pendingTimers() === 1) clock.advance(1000);
          return readings.at(-1);
        })
        .toMatchObject({
          pieces: [
            { name: 'a.json', problem: expect.any(String) },
            { name: 'b.json' },
            { document: { v: version } },
          ],
        });
    };
    await lookUntilRead(1);
    await writeFile(join(folder, 'c.json'), '{"v":2}');
    await lookUntilRead(2);
    stop.abort();
    clock.advance(1000);
    await watching;
  });
});
