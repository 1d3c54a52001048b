// SPDX-License-Identifier: Apache-2.0
/** Folders that take no file, in the place of each option that names one: the program ends at once, and says why. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eveAgent } from '../lab/programs.ts';
import { runProgram } from '../lab/run-program.ts';
import { describeWith } from '../requirements.ts';
import { type HostileRegistry, startHostileRegistry } from './hostile-registry.ts';

/** Only ends what hangs, on a machine that is busy with much else: what goes round for ever heeds SIGKILL alone. */
const PATIENCE = ['timeout', '--signal=KILL', '240'];
/** As `:/below` is put into a folder of a test's own. */
const PLACES = ['/proc/none', '/proc/none/far/below', '/proc', '/sys/none', '/sys', ':file', ':file/below'];

let folder: string;
let registry: HostileRegistry;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unusable-folders-'));
  await writeFile(join(folder, 'file'), 'kept');
  registry = await startHostileRegistry(2 * 1024 * 1024);
});
afterAll(async () => {
  await registry?.close();
  await rm(folder, { recursive: true });
});

const placeOf = (place: string) => (place.startsWith(':') ? join(folder, place.slice(1)) : place);
const run = (args: readonly string[], enter: readonly string[] = []) =>
  runProgram([...PATIENCE, ...enter, ...eveAgent(...args)]);

/** What names a folder, with the arguments in front of it; the command line ends with the folder. */
const FOLDERS: readonly [string, readonly string[]][] = [
  ['run', ['--state']],
  ['run', ['--state', ':state', '--images']],
  ['mirror', ['--listen', '127.0.0.1:0', '--cache']],
  ['mirror', ['--verify', '--cache']],
];

describe.each(FOLDERS)('%s %j', (command, before) => {
  test.each(PLACES)('%s', async (place) => {
    const args = before.map((each) => (each === ':state' ? join(folder, 'state') : each));
    const { exitCode, stdout, stderr } = await run([command, ...args, placeOf(place)]);
    const option = before.at(-1);
    expect(stderr).toContain(`${option} ${placeOf(place)} cannot be used: `);
    expect([exitCode, stdout, stderr.split('\n').length]).toEqual([2, '', 2]);
  });
});

/** A folder that is there is one to put the image into; nothing of it may be left there. */
describe.each(['oci-layout', 'oci-archive', 'docker-archive'])('download --form %s -o', (form) => {
  test.each(['/proc/none', '/proc/none/far/below', '/sys/none', '/sys', ':file/below'])(
    '%s',
    async (place) => {
      const { exitCode, stdout, stderr } = await run([
        ...['download', `docker://${registry.host}/a:1`, '--form', form, '-o', placeOf(place)],
      ]);
      expect([exitCode, stdout]).toEqual([4, '']);
      expect(stderr).toMatch(/^eve-agent: .* (?:cannot be written|cannot take an image): .+$/m);
      expect(stderr).not.toContain('unexpected');
    },
  );
});

describeWith(['root'], 'a volume that is read only', () => {
  test.each(FOLDERS)('%s %j', async (command, before) => {
    const volume = await mkdtemp(join(folder, 'volume-'));
    const enter = ['unshare', '--mount', 'sh', '-c', `mount -t tmpfs -o ro tmpfs ${volume}; exec "$@"`, '-'];
    const args = before.map((each) => (each === ':state' ? join(folder, 'state') : each));
    for (const place of [volume, join(volume, 'below')]) {
      const { exitCode, stderr } = await run([command, ...args, place], enter);
      expect(stderr).toContain(`${before.at(-1)} ${place} cannot be used: `);
      expect(stderr).toContain('read-only file system');
      expect(exitCode).toBe(2);
    }
    expect(await readdir(volume)).toEqual([]);
  });
});
