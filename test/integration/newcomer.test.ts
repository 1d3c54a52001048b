// SPDX-License-Identifier: Apache-2.0
/** The README's way for a machine without root and Docker, gone by an ordinary user in a clone of their own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, cp, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createLab, type Lab } from '../lab/lab.ts';
import { finish } from '../lab/namespace.ts';
import { waitForLog } from '../lab/programs.ts';
import { describeWith, ORDINARY_USER } from '../requirements.ts';
import { type CodeBlock, readManuals, WORKSPACE } from './manuals.ts';

/** `nobody` of most systems, as whom root's commands run here. */
const UID = 65534;
/** npm starts slowly on a busy machine, and where nothing can be linked half a gigabyte is copied. */
const LIMIT_MS = 600_000;

/** What no clone has. Installed packages are linked below: they are large, and nobody writes to them. */
const NOT_CLONED = new Set(['.git', 'node_modules', 'dist']);
/** What npm itself makes that is hidden. */
const INSTALLED = new Set(['.bin', '.package-lock.json']);

async function run(command: readonly string[]): Promise<void> {
  const [program = '', ...args] = command;
  const { exitCode, stderr } = await finish(spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] }));
  if (exitCode !== 0) throw new Error(`${command.join(' ')} ended with ${exitCode}: ${stderr}`);
}

/** A clone in which `npm ci` has been run. */
async function cloneWorkspace(clone: string): Promise<void> {
  await cp(WORKSPACE, clone, {
    recursive: true,
    filter: (path) =>
      !relative(WORKSPACE, path)
        .split(sep)
        .some((name) => NOT_CLONED.has(name)),
  });
  if (process.getuid?.() === 0) await run(['chown', '-R', `${UID}:${UID}`, clone]);
  const [from, to] = [join(WORKSPACE, 'node_modules'), join(clone, 'node_modules')];
  // Tests and builds that run meanwhile write to the hidden folders.
  const names = (await readdir(from)).filter((name) => !name.startsWith('.') || INSTALLED.has(name));
  const packages = names.map((name) => join(from, name));
  await mkdir(to);
  // Hard links do not cross file systems.
  await run(['cp', '-al', ...packages, to]).catch(() => run(['cp', '-a', '--force', ...packages, to]));
}

describeWith(['lab', 'ordinary-user'], 'an ordinary user who follows the README', () => {
  let folder: string;
  let clone: string;
  let environment: NodeJS.ProcessEnv;
  let blocksBelow: (heading: string) => readonly CodeBlock[];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'newcomer-'));
    clone = join(folder, 'clone');
    const [home, temporary] = [join(folder, 'home'), join(folder, 'tmp')];
    for (const path of [clone, home, temporary]) await mkdir(path);
    await cloneWorkspace(clone);
    if (process.getuid?.() === 0) for (const path of [folder, home, temporary]) await chown(path, UID, UID);
    // Nothing of what npm and Vitest give to their children: neither their settings nor this workspace's programs.
    const path = (process.env.PATH ?? '').split(':').filter((entry) => !entry.startsWith(WORKSPACE));
    environment = {
      ...{ PATH: path.join(':'), HOME: home, TMPDIR: temporary },
      npm_config_update_notifier: 'false',
    };
    const readme = (await readManuals()).find(({ path }) => path === 'README.md');
    blocksBelow = (heading) => readme?.blocks.filter((block) => block.heading === heading) ?? [];
  }, LIMIT_MS);
  afterAll(() => rm(folder, { recursive: true, force: true }), LIMIT_MS);

  it(
    'sees the demo',
    async () => {
      const demo = blocksBelow('See it work: two commands').find(({ text }) => !text.includes('docker'));
      expect(demo?.text).toBe('npm run demo');
      const [program = '', ...args] = [...ORDINARY_USER, 'sh', '-c', 'npm run demo'];
      const child = spawn(program, args, { cwd: clone, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
      const { stdout, stderr, exitCode } = await finish(child);
      expect({ exitCode, ...(exitCode !== 0 && { stdout, stderr }) }).toEqual({ exitCode: 0 });
      expect(stdout).toContain('two verified downloads, and nothing is left behind');
    },
    LIMIT_MS,
  );

  it(
    'has a verified download on one machine',
    async () => {
      const [first, second] = blocksBelow('A verified download on one machine').map(({ text }) => text);
      const [install, ...serve] = first?.split('\n') ?? [];
      expect(install).toBe('npm ci');
      const lab: Lab = await createLab();
      let terminal: ChildProcess | undefined;
      try {
        // A machine with one link and no bridge.
        const ip = (...args: string[]) => lab.host.mustRun(['ip', ...args]);
        await ip('link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'router');
        await ip('address', 'add', '192.168.7.2/24', 'dev', 'eth0');
        for (const name of ['eth0', 'router']) await ip('link', 'set', name, 'up');
        const type = (lines: string) => {
          const command = [...ORDINARY_USER, 'bash', '-euc', `cd ${clone}\n${lines}`];
          // A group of its own, as what npx starts is to end with it.
          return lab.host.start(command, {
            env: environment,
            stdio: ['ignore', 'pipe', 'pipe'],
            detached: true,
          });
        };
        terminal = type(serve.join('\n'));
        await waitForLog(terminal, 'our own answer was seen', LIMIT_MS).seen;
        const { stdout, stderr, exitCode } = await finish(type(second ?? 'false'));
        expect({ exitCode, ...(exitCode !== 0 && { stdout, stderr }) }).toEqual({ exitCode: 0 });
        expect(stdout).toContain('(as asked for)');
        const [copy, image] = ['copy.img', 'images/mine.img'].map((name) => readFile(join(clone, name)));
        expect((await copy)?.equals((await image) ?? Buffer.of())).toBe(true);
      } finally {
        if (terminal?.pid !== undefined && terminal.exitCode === null) {
          // Not 'exit': what npx started may outlive it for a moment.
          const ended = once(terminal, 'close');
          process.kill(-terminal.pid, 'SIGTERM');
          await ended;
        }
        await lab.stop();
      }
    },
    LIMIT_MS,
  );
});
