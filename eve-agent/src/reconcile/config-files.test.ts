import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createManualClock } from '../discovery/manual-clock.ts';
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
      kind: 'fragments',
      fragments: [{ name: '', document: { a: 1 } }],
    });
    await writeFile(join(folder, '00.json'), '{}');
    await writeFile(join(folder, '.hidden.json'), 'no');
    await writeFile(join(folder, 'notes.txt'), 'no');
    const reading = await readConfigFiles(folder);
    expect(reading).toMatchObject({ fragments: [{ name: '00.json' }, { name: 'one.json' }] });
    await writeFile(join(folder, '01.json'), '{');
    expect(await readConfigFiles(folder)).toMatchObject({
      kind: 'unreadable',
      problems: [{ path: '01.json' }],
    });
    expect(await readConfigFiles(join(folder, 'none'))).toMatchObject({
      problems: [{ message: 'there is no such file or folder' }],
    });
    await mkdir(join(folder, 'empty'));
    await writeFile(join(folder, 'empty', 'README'), 'not a fragment');
    expect(await readConfigFiles(join(folder, 'empty'))).toEqual({ kind: 'none' });
  });

  it.each([
    [`{\n "datastores": [{\n  "password": hunter2 }] }`, `c.json: not JSON: Unexpected token 'h' in line 3`],
    ['hunter2', `c.json: not JSON: Unexpected token 'h' in line 1`],
    ['{"password":"hunter2', 'c.json: not JSON: it ends early'],
  ])('are refused without a word of what they hold: %j', async (text, why) => {
    await writeFile(join(folder, 'c.json'), text);
    const reading = await readConfigFiles(folder);
    if (reading.kind !== 'unreadable') throw new Error(reading.kind);
    const [problem] = reading.problems;
    expect(`${problem?.path}: ${problem?.message}`).toContain(why);
    expect(problem?.message).not.toContain('unter2');
  });

  it('are files, and nothing that reading could wait for', async () => {
    execFileSync('mkfifo', [join(folder, 'c.json')]);
    expect(await readConfigFiles(folder)).toEqual({
      kind: 'unreadable',
      problems: [{ path: 'c.json', message: 'it is no file' }],
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
    expect(readings.slice(1)).toEqual([{ kind: 'fragments', fragments: [{ name: '', document: { v: 1 } }] }]);
    await writeFile(file, '{"v":');
    await look();
    expect(readings.length).toBe(2);
    await writeFile(file, '{"v":22}');
    await look();
    expect(readings[2]).toMatchObject({ fragments: [{ document: { v: 22 } }] });
    await writeFile(file, '{"v":');
    await look();
    await look();
    expect(readings[3]).toMatchObject({ kind: 'unreadable' });
    stop.abort();
    await watching;
  });
});
