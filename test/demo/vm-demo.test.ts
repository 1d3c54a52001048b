// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { type FileHandle, mkdtemp, open, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { finish } from '../lab/namespace.ts';
import { membersOf } from '../lab/namespace-members.ts';
import { describeWith } from '../requirements.ts';
import { leftIn, startDemo } from './start-demo.ts';

/** Four guests come up one after another, emulated, beside other load. */
const LIMIT_MS = 1_500_000;

describeWith(['lab', 'root', 'machines'], 'npm run demo -- vm', () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'demo-test-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  /** The mount namespace of its lab, which the agent of the device is in. */
  async function openLab(): Promise<FileHandle> {
    for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
      const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
      const isAgent = words.includes('--apps') && words.some((word) => word.startsWith(directory));
      if (isAgent) return await open(`/proc/${pid}/ns/mnt`);
    }
    throw new Error('no agent runs');
  }

  test(
    'shows a launch, an update, and a broken update that is taken back',
    async () => {
      const { stdout, stderr, exitCode } = await finish(startDemo(directory, ['vm']));
      expect({ exitCode, ...(exitCode !== 0 && { stdout, stderr }) }).toEqual({ exitCode: 0 });
      const inOrder = [
        ...['http://datastore.local/guest-v3.img, sha256 ', 'datastore.local  ', 'VERIFIED'],
        ...['BOOTING ', 'The neighbour hears: v1 answers', 'guest v1 is up', 'LOADING         was RUNNING'],
        ...['The neighbour hears: v2 answers, after ', ' answers of v1, '],
        // The guest's server answers 503, or hangs up before it has.
        ...['; its last words: ', 'guest v3 is unwell', 'are gone', 'nothing is left behind'],
      ];
      let from = 0;
      for (const text of inOrder) {
        const found = stdout.indexOf(text, from);
        expect(found, `${text} in ${stdout.slice(from)}`).toBeGreaterThan(-1);
        from = found + text.length;
      }
      // After the update, and again after the broken one; the neighbour may hear it before the agent tells of it.
      expect(stdout.split('The neighbour hears: v2 answers, after ')).toHaveLength(3);
      expect(stdout).not.toContain('answers of v3');
      expect(await leftIn(directory)).toEqual([]);
    },
    LIMIT_MS,
  );

  test(
    'stopped by Ctrl-C while a VM boots it leaves nothing behind',
    async () => {
      const demo = startDemo(directory, ['vm']);
      const ended = once(demo, 'close');
      let lab: FileHandle | undefined;
      let running: number[] = [];
      let shown = '';
      for await (const chunk of demo.stdout ?? []) {
        shown += chunk;
        if (lab !== undefined || !shown.includes('BOOTING ')) continue;
        lab = await openLab();
        running = await membersOf(lab);
        // The whole group, as a terminal does.
        process.kill(-(demo.pid ?? 0), 'SIGINT');
      }
      expect(await ended).toEqual([130, null]);
      expect(shown).not.toContain('nothing is left behind');
      // The datastore, the neighbour, the agent, and whoever watches it, besides the VM.
      expect(running.length).toBeGreaterThan(4);
      expect(lab === undefined ? null : await membersOf(lab)).toEqual([]);
      await lab?.close();
      expect(await leftIn(directory)).toEqual([]);
    },
    LIMIT_MS,
  );

  test.each([
    ['another word', ['vms'], {}, 'there is none of "vms": npm run demo, or npm run demo -- vm'],
    [
      'no qemu',
      ['vm'],
      { PATH: '/nowhere' },
      'qemu-system-x86_64 not found: install the package qemu-system-x86.',
    ],
  ])('says what is wrong with %s', async (_title, args, environment, why) => {
    const { stdout, stderr, exitCode } = await finish(startDemo(directory, args, environment));
    expect({ stdout, stderr, exitCode }).toEqual({
      stdout: '',
      stderr: `\nThe demo failed: ${why}\n`,
      exitCode: 1,
    });
    expect(await leftIn(directory)).toEqual([]);
  });
});
