// SPDX-License-Identifier: Apache-2.0
/**
 * The commands of the programs' manuals, page by page in one shell as a reader would type them: on a host with
 * a bridge, and a datastore `ds.local` on it. What needs Docker or changes
 * the machine is left out.
 */
import { once } from 'node:events';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { qcow2 } from '../../datastore-app/src/formats/testing/headers.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import { datastoreApp, eveAgent, type RunningDatastore, startDatastore } from '../lab/programs.ts';
import { describeWith } from '../requirements.ts';
import { type CodeBlock, commandLinesOf, readManuals } from './manuals.ts';

const ADDRESS = '10.1.0.5';
/** The image that the configuration of the service's page names, with its size and digest. */
const MINE = Buffer.alloc(1 << 20);

/** Which blocks are not run here. */
const NOT_RUN: readonly RegExp[] = [
  // A synopsis.
  /^(?:datastore-app|eve-agent) .*(?:\[--| \| )/m,
  /\bdocker\b/,
  // It changes the machine.
  /\bsudo\b/,
  // It needs an engine with a container: registry-capture.test.ts tries it.
  /datastore-app registry capture/,
  // They speak to a datastore on the same machine: image-operations.test.ts tries them.
  /datastore-app images (?:describe|validate|update-hash|release|rename|remove|extract)/,
];

function isRun({ language, text }: CodeBlock): boolean {
  const commands = text.replace(/(?:^|\s)#.*$/gm, '');
  return language === 'sh' && !NOT_RUN.some((pattern) => pattern.test(commands));
}

/** The pages of the programs' own folders. */
const MANUALS = (await readManuals()).filter(({ path }) => /^(?:datastore-app|eve-agent)\//.test(path));

const shellQuoted = (words: readonly string[]) =>
  words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');

describeWith(['lab', 'curl'], 'the commands of', () => {
  let lab: Lab;
  let datastore: RunningDatastore;
  let folder: string;
  let root: string;
  let state: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'manual-commands-'));
    [root, state] = [join(folder, 'root'), join(folder, 'state')];
    await mkdir(root);
    const programs = join(folder, 'programs');
    await mkdir(programs);
    const shadow = async (name: string, command: string) => {
      await writeFile(join(programs, name), `#!/bin/sh\n${command}\n`);
      await chmod(join(programs, name), 0o755);
    };
    const app = shellQuoted(datastoreApp());
    // A server would not end: its options are read as at a start, and printed.
    await shadow('datastore-app', `[ "$1" != serve ] || set -- "$@" --print-config\nexec ${app} "$@"`);
    await shadow('eve-agent', `exec ${shellQuoted(eveAgent())} "$@"`);
    await shadow('npx', 'exec "$@"');
    // The resolver of a reader's machine knows names on .local, and a reader sees what an error says.
    await shadow('curl', `exec /usr/bin/curl --fail-with-body --connect-to ds.local:80:${ADDRESS}:80 "$@"`);
    lab = await createLab();
    await lab.addBridge('bn1', '10.1.0.1/24');
    const host = await lab.addApp({ name: 'datastore', bridge: 'bn1', address: `${ADDRESS}/24` });
    datastore = await startDatastore(host, [
      ...['--root', root, '--state', state, '--host-name', 'ds', '--tls', 'authority'],
    ]);
  });
  afterAll(async () => {
    await datastore?.stop();
    await lab?.stop();
    await rm(folder, { recursive: true });
  });

  const environment = () => ({
    PATH: `${join(folder, 'programs')}:${process.env.PATH}`,
    DATASTORE_ROOT: root,
    DATASTORE_STATE: state,
  });

  /** What a reader has at hand: a folder with images, some of which are in the datastore. */
  let desk: string;
  beforeEach(async () => {
    desk = await mkdtemp(join(folder, 'desk-'));
    const disk = Buffer.concat([qcow2(1 << 30), Buffer.alloc(70_000, 'x')]);
    await mkdir(join(desk, 'stick'));
    await writeFile(join(desk, 'disk.qcow2'), disk);
    await writeFile(join(desk, 'stick', 'carried.qcow2'), disk);
    // The commands of another page may have removed it.
    await mkdir(join(root, 'linux'), { recursive: true });
    await copyFile(join(desk, 'disk.qcow2'), join(root, 'linux', 'disk.qcow2'));
    await writeFile(join(root, 'mine.img'), MINE);
    const ask = ['curl', '-fs', `http://${ADDRESS}/-/api/v1/images/linux/disk.qcow2`];
    await expect.poll(async () => (await lab.host.run(ask)).exitCode).toBe(0);
  });

  const runnable = MANUALS.map(({ path, blocks }) => [path, blocks.filter(isRun)] as const);

  it.each(runnable.filter(([, blocks]) => blocks.length > 0))('%s', async (_, blocks) => {
    const texts = blocks.map(({ text }) => text);
    const command = ['bash', '-euxo', 'pipefail', '-c', [`cd ${desk}`, ...texts].join('\n')];
    const { exitCode, stdout, stderr } = await lab.host.run(command, { env: environment() });
    expect({ exitCode, ...(exitCode !== 0 && { stdout, stderr }) }).toEqual({ exitCode: 0 });
  });

  it('eve-agent/docs/service.md, with the configuration that stands there', async () => {
    const blocks = MANUALS.find(({ path }) => path === 'eve-agent/docs/service.md')?.blocks ?? [];
    const device = blocks.find(({ language }) => language === 'json');
    const transcript = blocks.find(({ language }) => language === 'console');
    if (device === undefined || transcript === undefined) throw new Error('no configuration, or no commands');
    const [run = '', health = '', status = ''] = commandLinesOf(transcript);
    await writeFile(join(desk, 'device.json'), device.text);
    const onDesk = (line: string) => ['bash', '-c', `cd ${desk} && exec ${line}`];
    const service = lab.host.start(onDesk(run.replace(/ &$/, '')), {
      env: { ...process.env, ...environment() },
      stdio: 'ignore',
    });
    const shown = async () => (await lab.host.run(onDesk(status), { env: environment() })).stdout;
    await expect.poll(shown).toMatch(/^mine +VERIFIED +100 % +1 MiB +0 +b6a1f9c2-/m);
    expect(await readFile(join(desk, 'state', 'images', 'mine'))).toEqual(MINE);
    expect(await lab.host.run(onDesk(health), { env: environment() })).toMatchObject({
      ...{ exitCode: 0, stdout: 'ready\n' },
    });
    const ended = once(service, 'exit');
    service.kill('SIGTERM');
    await ended;
  });
});
