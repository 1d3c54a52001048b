// SPDX-License-Identifier: Apache-2.0
/** Every command of the datastore takes its settings from one chain, and what only reads makes nothing. */
import { cp, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createDatastoreFolder, type DatastoreFolder } from '../lab/loopback-datastore.ts';

const TOKEN = 'token-of-the-state-directory';

/** Whose state directory holds an authority: to make one takes a program's start. */
let model: DatastoreFolder;
let place: DatastoreFolder;
let config: string;
let bundle: string;

beforeAll(async () => {
  model = await createDatastoreFolder();
  await model.runPlainWith({ DATASTORE_WRITE_TOKEN: '' }, 'ca', '--create', '--state', model.state);
});
afterAll(() => model?.remove());

beforeEach(async () => {
  place = await createDatastoreFolder();
  config = join(place.folder, 'settings.yaml');
  bundle = join(place.folder, 'stick.tar');
  // Settings of `serve` too: one file serves all commands.
  await writeFile(config, `root: ${place.root}\nstate: ${place.state}\nhost-name: ds\nport: 8080\n`);
});
afterEach(() => place.remove());

/** Runs a command without the write token that the lab puts into the environment. */
const run = (args: readonly string[], variables: Record<string, string> = {}) =>
  place.runPlainWith({ DATASTORE_WRITE_TOKEN: '', ...variables }, ...args);

async function fill(): Promise<void> {
  await mkdir(place.root);
  await cp(model.state, place.state, { recursive: true });
  await writeFile(join(place.root, 'disk.img'), 'content');
  await writeFile(join(place.state, 'write-token'), TOKEN, { mode: 0o600 });
}

describe.each([
  ['--config', () => ({ args: ['--config', config], variables: {} })],
  ['DATASTORE_CONFIG', () => ({ args: [], variables: { DATASTORE_CONFIG: config } })],
  [
    'variables, which are stronger',
    () => ({
      args: ['--config', join(place.folder, 'other.yaml')],
      variables: { DATASTORE_ROOT: place.root, DATASTORE_STATE: place.state },
    }),
  ],
])('by %s', (_, how) => {
  it.each([
    [['token'], TOKEN],
    [['ca'], 'BEGIN CERTIFICATE'],
    [['images', 'list'], 'disk.img'],
    [['images', 'verify'], 'disk.img: was not hashed before'],
    [['images', 'export', '-'], 'SHA256SUMS'],
  ])('%j finds the folders', async (command, output) => {
    await fill();
    await writeFile(join(place.folder, 'other.yaml'), 'root: /absent\nstate: /absent\n');
    const { args, variables } = how();
    expect(await run([...command, ...args], variables)).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining(output),
    });
  });
});

it.each([[['images', 'add', 'FILE']], [['images', 'import', 'BUNDLE']]])(
  '%j keeps the quota of the file',
  async (command) => {
    await fill();
    const file = join(place.folder, 'large.img');
    await writeFile(file, Buffer.alloc(5000));
    await run(['images', 'export', bundle, '--config', config]);
    await writeFile(config, `root: ${place.root}\nstate: ${place.state}\nquota: 4K\n`);
    await writeFile(join(place.root, 'filling.img'), Buffer.alloc(4096));
    const args = command.map((word) => ({ FILE: file, BUNDLE: bundle })[word] ?? word);
    const { exitCode, stderr } = await run([
      ...args,
      ...(args.includes('import') ? ['--replace'] : []),
      '--config',
      config,
    ]);
    expect([exitCode, stderr]).toEqual([6, expect.stringContaining('quota')]);
  },
);

it.each([['token'], ['ca'], ['images list'], ['images verify'], ['check']])(
  '`%s` refuses a file with a key that no command has',
  async (command) => {
    await fill();
    await writeFile(config, 'host-nam: ds\n');
    const { exitCode, stderr } = await run([...command.split(' '), '--config', config]);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('unknown key "host-nam"')]);
  },
);

describe('what only reads makes nothing, and says where it looked', () => {
  it.each([
    [['token'], 'state', 'no write token yet'],
    [['ca'], 'state', 'no authority yet'],
    [['images', 'list'], 'root', 'does not exist'],
    [['images', 'verify'], 'root', 'does not exist'],
    [['images', 'export', '-'], 'root', 'does not exist'],
  ] as const)('%j', async (command, folder, message) => {
    const before = await readdir(place.folder);
    const found = await run([...command, '--config', config]);
    expect([found.exitCode, found.stdout]).toEqual([2, '']);
    expect(found.stderr).toContain(message);
    expect(found.stderr).toContain(`--${folder} ${place[folder]} (file ${config})`);
    expect(await readdir(place.folder)).toEqual(before);

    const byFlag = await run([...command, `--${folder}`, place[folder]]);
    expect(byFlag.stderr).toContain(`--${folder} ${place[folder]} (flag)`);
    const variable = `DATASTORE_${folder.toUpperCase()}`;
    const byVariable = await run(command, { [variable]: place[folder] });
    expect(byVariable.stderr).toContain(`--${folder} ${place[folder]} (environment ${variable})`);
    expect(await readdir(place.folder)).toEqual(before);
  });

  it('an empty root is said to be empty', async () => {
    await mkdir(place.root);
    const { exitCode, stdout, stderr } = await run(['images', 'list', '--config', config]);
    expect([exitCode, stdout]).toEqual([0, '']);
    expect(stderr).toContain(`no images in --root ${place.root}`);
    expect(await readdir(place.folder)).not.toContain('state');
  });

  it('`token --create` makes what `token` then prints', async () => {
    const made = await run(['token', '--create', '--config', config]);
    expect(made.stdout).toMatch(/^[\w-]{43}\n$/);
    expect((await run(['token', '--config', config])).stdout).toBe(made.stdout);
  });
});
