// SPDX-License-Identifier: Apache-2.0
/** What compose/eve hands to a controller, to eden and to EVE, read as they read it, and run. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { SERVE_OPTIONS } from '../../datastore-app/src/config.ts';
import { whyEdenRefuses } from '../eve/eden-flags.ts';
import { EDGE_APP, fillTemplate, RULE } from '../eve/edge-app.ts';
import { letsOut } from '../eve/network-rules.ts';
import { parseUserData } from '../eve/user-data.ts';
import { datastoreApp, waitForLog } from '../lab/programs.ts';

const WORKSPACE = fileURLToPath(new URL('../..', import.meta.url));
const FOLDER = join(WORKSPACE, 'compose/eve');
const read = (name: string) => readFile(join(FOLDER, name), 'utf8');
const readEdgeApp = async () => EDGE_APP.parse(JSON.parse(await read('edge-app.json')));

const newToken = () => randomBytes(24).toString('hex');
const KNOWN_VARIABLES = SERVE_OPTIONS.map(({ environment }) => environment);

let folder: string;
const running = new Set<ChildProcess>();
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'eve-app-'));
});
afterEach(async () => {
  for (const child of running) if (child.exitCode === null) child.kill('SIGKILL');
  running.clear();
  await rm(folder, { recursive: true });
});

/** Starts the program with this environment, as EVE would, but on loopback and without multicast. */
function serve(environment: Readonly<Record<string, string>>): ChildProcess {
  const flags = ['--root', join(folder, 'images'), '--state', join(folder, 'state')];
  const network = ['--address', '127.0.0.1', '--port', '0', '--advertise', 'none'];
  const [program = '', ...args] = datastoreApp('serve', ...flags, ...network);
  const child = spawn(program, args, {
    env: { PATH: process.env.PATH, NODE_ENV: 'production', ...environment },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  running.add(child);
  return child;
}

/** Runs the program until it listens, uploads with the token, and stops it; returns the status of the upload. */
async function uploadWith(environment: Readonly<Record<string, string>>, token: string): Promise<number> {
  const child = serve(environment);
  const { log, seen } = waitForLog(child, '"listening"');
  await seen;
  const { port } = z.object({ port: z.number() }).parse(
    JSON.parse(
      log()
        .split('\n')
        .find((line) => line.includes('"listening"')) ?? '',
    ),
  );
  const { status } = await fetch(`http://127.0.0.1:${port}/a.raw`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${token}` },
    body: 'an image',
  });
  child.kill('SIGTERM');
  await once(child, 'exit');
  expect(child.exitCode).toBe(0);
  return status;
}

describe('the edge-app manifest', () => {
  it('has the documented fields and no others', async () => {
    const app = await readEdgeApp();
    const resources = Object.fromEntries(app.resources.map(({ name, value }) => [name, Number(value)]));
    // In KB; the datastore stays below 120 MB, and the VM has a kernel and /tmp besides.
    expect(resources.memory).toBeGreaterThanOrEqual(256 * 1024);
    expect(resources.cpus).toBe(1);
  });

  it('mounts a volume on each VOLUME of the image, which a purge leaves alone', async () => {
    const dockerfile = await readFile(join(WORKSPACE, 'compose/Dockerfile'), 'utf8');
    const stage = dockerfile.slice(dockerfile.indexOf('AS datastore-app'));
    const volumes = JSON.parse(/^VOLUME (\[.*\])$/m.exec(stage)?.[1] ?? '[]') as string[];
    const [container, ...blank] = (await readEdgeApp()).images;
    expect(container).toMatchObject({ imageformat: 'CONTAINER', mountpath: '/', maxsize: '0' });
    expect(volumes).toHaveLength(2);
    expect(blank.map(({ mountpath }) => mountpath)).toEqual(volumes);
    for (const image of blank) {
      expect(image).toMatchObject({ imagename: '', readonly: false, ignorepurge: true });
      expect(Number(image.maxsize)).toBeGreaterThanOrEqual(200 * 1024);
    }
  });

  it('carries its template in base64, with a question for each variable', async () => {
    const app = await readEdgeApp();
    const template = await read('custom-config.template');
    const { customConfig } = app.configuration;
    expect(Buffer.from(customConfig.template, 'base64').toString('utf8')).toBe(template);
    const asked = customConfig.variableGroups.flatMap(({ variables }) => variables);
    expect(template).toBe(asked.map(({ name }) => `${name}=###${name}###\n`).join(''));
    expect(asked.find(({ name }) => name === 'DATASTORE_WRITE_TOKEN')).toMatchObject({
      format: 'VARIABLE_FORMAT_PASSWORD',
      default: '',
    });
    for (const { name } of asked) expect(KNOWN_VARIABLES).toContain(name);
  });

  it('makes, filled in, a configuration that the datastore starts with', async () => {
    const app = await readEdgeApp();
    const token = newToken();
    const values = { DATASTORE_HOST_NAME: 'store-7', DATASTORE_WRITE_TOKEN: token, DATASTORE_QUOTA: '1G' };
    const { environment } = parseUserData(fillTemplate(app, values));
    expect(environment).toEqual(values);
    expect(await uploadWith(environment, token)).toBe(201);
  });

  it('makes, with nothing filled in, a datastore that makes its own token', async () => {
    const { environment } = parseUserData(fillTemplate(await readEdgeApp(), {}));
    expect(environment).toMatchObject({ DATASTORE_HOST_NAME: 'ds', DATASTORE_WRITE_TOKEN: '' });
    expect(await uploadWith(environment, newToken())).toBe(401);
    const made = (await readFile(join(folder, 'state/write-token'), 'utf8')).trim();
    expect(await uploadWith(environment, made)).toBe(201);
  });
});

describe('the network rules', () => {
  const bridge = '10.11.12.1';
  const answers = {
    'the answer to the question of EVE': [5353, 'udp', '224.0.0.251', 5353],
    'a unicast answer': [5353, 'udp', bridge, 5353],
    'an answer to a resolver without multicast': [5353, 'udp', bridge, 40_000],
    'HTTP to the downloader': [80, 'tcp', bridge, 40_000],
    'HTTPS to the downloader': [443, 'tcp', bridge, 40_000],
    'an upload through the port map': [80, 'tcp', '192.0.2.77', 40_000],
  } as const;
  const packets = Object.entries(answers).map(([name, [from, protocol, address, port]]) => ({
    name,
    packet: { protocol, from, to: { address, port } },
  }));

  it.each(packets)('of the manifest let out $name', async ({ packet }) => {
    const [first] = (await readEdgeApp()).interfaces;
    expect(letsOut(first?.acls ?? [], packet)).toBe(true);
  });

  it.each(packets)('of the strict kind let out $name', async ({ packet }) => {
    const rules = z.array(RULE).parse(JSON.parse(await read('network-rules-strict.json')));
    expect(letsOut(rules, packet)).toBe(true);
  });

  it('of the strict kind let nothing else out, and each is needed', async () => {
    const rules = z.array(RULE).parse(JSON.parse(await read('network-rules-strict.json')));
    const others = [
      { protocol: 'tcp', from: 40_000, to: { address: '192.0.2.77', port: 443 } },
      { protocol: 'udp', from: 40_000, to: { address: '192.0.2.53', port: 53 } },
    ] as const;
    for (const packet of others) expect(letsOut(rules, packet)).toBe(false);
    for (const port of ['5353', '80', '443']) {
      const without = rules.filter((rule) => !rule.matches.some(({ value }) => value === port));
      expect(packets.every(({ packet }) => letsOut(without, packet))).toBe(false);
    }
  });
});

describe('the user data', () => {
  it('as lines starts the datastore', async () => {
    const token = newToken();
    const text = (await read('user-data.env')).replace('TOKEN=', `TOKEN=${token}`);
    const { environment } = parseUserData(text);
    expect(environment).toEqual({ DATASTORE_HOST_NAME: 'ds', DATASTORE_WRITE_TOKEN: token });
    expect(await uploadWith(environment, token)).toBe(201);
  });

  /** Writes the files as EVE does, but below our folder, and points the variables there. */
  async function applyCloudConfig(replaceIn: (content: string) => string) {
    const { environment, files } = parseUserData(await read('cloud-config.yaml'));
    for (const { path, content, permissions } of files) {
      const place = join(folder, path);
      await mkdir(dirname(place), { recursive: true });
      await writeFile(place, replaceIn(content));
      await chmod(place, Number.parseInt(permissions, 8));
    }
    const inFolder = (value: string) => (value.startsWith('/') ? join(folder, value) : value);
    return {
      files,
      environment: Object.fromEntries(
        Object.entries(environment).map(([name, value]) => [name, inFolder(value)]),
      ),
    };
  }

  it('as cloud-config starts the datastore', async () => {
    const token = newToken();
    const { environment, files } = await applyCloudConfig((content) =>
      content.startsWith('replace me') ? token : content,
    );
    for (const name of Object.keys(environment)) expect(KNOWN_VARIABLES).toContain(name);
    for (const { path, permissions } of files) {
      expect(path).not.toMatch(/^\/var\/lib\/datastore/);
      // The datastore reads them as a user of its own, and EVE writes them as root.
      expect(Number.parseInt(permissions, 8) & 0o004).toBe(0o004);
    }
    expect(await uploadWith(environment, token)).toBe(201);
  });

  it('as cloud-config never starts with the token of the example', async () => {
    const { environment } = await applyCloudConfig((content) => content);
    const child = serve(environment);
    let log = '';
    child.stderr?.on('data', (bytes) => {
      log += bytes;
    });
    await once(child, 'close');
    expect(child.exitCode).toBe(2);
    expect(log).toContain('the write token must have 16 to 512 printable ASCII characters, without spaces');
  });

  it.each([
    ['DATASTORE_HOST_NAME', 'no KEY=value'],
    ['DATASTORE_WRITE_TOKEN=pa$$word-pa$$word', "EVE's shell would change"],
    ['DATASTORE_WRITE_TOKEN=say "please" to me', "EVE's shell would change"],
    ['data-store=x', 'refuses the name'],
    ['#cloud-config\nwrite_files:\n  - path: /etc/x\n    content: x\n', 'permissions'],
  ])('is refused here as by EVE: %s', (text, reason) => {
    expect(() => parseUserData(text)).toThrow(reason);
  });
});

describe('the script for eden', () => {
  const SCRIPT = join(FOLDER, 'eden.sh');
  const ENVIRONMENT = { DEVICE: '192.0.2.10', IMAGE: 'images/vm.qcow2', WRITE_TOKEN: newToken() };
  const STEPS = ['image', 'network', 'datastore', 'status', 'upload', 'volume', 'app', 'purge', 'remove'];

  /** Runs steps with programs in the place of eden, docker and curl that write down what they are given. */
  async function runSteps(steps: readonly string[], environment: Readonly<Record<string, string>>) {
    const record = join(folder, 'record');
    await mkdir(record);
    const recorder = `#!/bin/sh
n=$(ls "${record}" | wc -l)
{ basename "$0"; printf '%s\\n' "$@"; } >"${record}/$(printf %02d "$n").args"
for arg; do case $arg in --metadata=*) cat "\${arg#*=}" >"${folder}/user-data" ;; -H) cat >"${folder}/header" ;; esac; done
`;
    for (const name of ['eden', 'docker', 'curl']) {
      await writeFile(join(folder, name), recorder, { mode: 0o755 });
    }
    const { status, stderr } = spawnSync('bash', [SCRIPT, ...steps], {
      encoding: 'utf8',
      env: { ...environment, PATH: `${folder}:${process.env.PATH}` },
    });
    const names = (await readdir(record)).sort();
    const commands = await Promise.all(
      names.map(async (name) => (await readFile(join(record, name), 'utf8')).trimEnd().split('\n')),
    );
    return { status, stderr, commands };
  }

  it('is correct shell', () => {
    expect(spawnSync('bash', ['-n', SCRIPT], { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
  });

  it('gives eden only commands and flags that it has', async () => {
    const { status, commands } = await runSteps(STEPS, ENVIRONMENT);
    expect(status).toBe(0);
    const eden = commands.filter(([program]) => program === 'eden').map(([, ...args]) => args);
    expect(eden.length).toBeGreaterThan(STEPS.length);
    for (const args of eden)
      expect({ args, refused: whyEdenRefuses(args) }).toEqual({ args, refused: undefined });
    for (const arg of eden.flat().filter((text) => text.startsWith('--datastoreOverride'))) {
      // With the scheme and without a port, or EVE does not ask by multicast DNS.
      expect(arg).toBe('--datastoreOverride=http://ds.local');
    }
  });

  it('gives the token to the datastore and to curl, and shows it to nobody', async () => {
    const { stderr, commands } = await runSteps(['datastore', 'upload'], ENVIRONMENT);
    const { environment } = parseUserData(await readFile(join(folder, 'user-data'), 'utf8'));
    expect(environment).toEqual({
      DATASTORE_HOST_NAME: 'ds',
      DATASTORE_WRITE_TOKEN: ENVIRONMENT.WRITE_TOKEN,
    });
    expect(await readFile(join(folder, 'header'), 'utf8')).toBe(
      `Authorization: Bearer ${ENVIRONMENT.WRITE_TOKEN}\n`,
    );
    expect(stderr).toContain('+ eden pod deploy -n datastore');
    expect(`${stderr}${commands.flat()}`).not.toContain(ENVIRONMENT.WRITE_TOKEN);
  });

  it('says what it needs', async () => {
    const without = spawnSync('bash', [SCRIPT, 'upload'], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH },
    });
    expect(without).toMatchObject({ status: 2 });
    expect(without.stderr).toContain('DEVICE must be set');
    const usage = spawnSync('bash', [SCRIPT], { encoding: 'utf8', env: { PATH: process.env.PATH } });
    expect(usage).toMatchObject({ status: 2 });
    for (const step of STEPS) expect(usage.stdout).toMatch(new RegExp(`^ {2}${step} `, 'm'));
  });
});

describe('the page', () => {
  it('explains every file beside it, and names none that is not there', async () => {
    const page = await read('README.md');
    const names = (await readdir(FOLDER)).filter((name) => name !== 'README.md');
    for (const name of names) expect(page).toContain(name);
    for (const [, target = ''] of page.matchAll(/\]\((?!https?:|#)([^)]+)\)/g)) {
      await expect(readFile(join(FOLDER, target), 'utf8'), target).resolves.not.toBe('');
    }
  });
});
