// SPDX-License-Identifier: Apache-2.0
/** Images are parsed by a process that holds nothing but a stream, and by a hostile one in its place. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CALF_USERS, type CalfCode } from '@local-datastore/shared/confinement/launcher/calf';
import type { LayerPlan } from '@local-datastore/shared/confinement/launcher/layer-plan';
import { calfScriptName } from '@local-datastore/shared/confinement/launcher/roles';
import { planHere } from '@local-datastore/shared/confinement/launcher/spawn-calf';
import { silentLog } from '@local-datastore/shared/log';
import { systemClock } from '@local-datastore/shared/system-clock';
import { tar } from '@local-datastore/shared/tar/testing/tar';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bundleScriptsOf, findCalves } from '../../compose/calf-scripts.ts';
import { qcow1 } from '../../datastore-app/src/formats/testing/headers.ts';
import { SOUND_IMAGES } from '../../datastore-app/src/formats/testing/sound-images.ts';
import { ownParser } from '../../datastore-app/src/parsing/run-task.ts';
import { memoryFile, TASKS } from '../../datastore-app/src/parsing/testing/memory-file.ts';
import { findCalf } from '../../datastore-app/src/sandbox/calves/find-calf.ts';
import { type OpenParser, openConfinedParser } from '../../datastore-app/src/sandbox/monitor/open-parser.ts';
import {
  ADDRESS,
  createDatastoreFolder,
  type DatastoreFolder,
  problemOf,
} from '../lab/loopback-datastore.ts';
import { finish } from '../lab/namespace.ts';
import { datastoreApp, waitForLog } from '../lab/programs.ts';
import { describeWith } from '../requirements.ts';

const SCRIPT = calfScriptName('parsers');
const HOSTILE = 'calf-hostile.js';
let bundle: string;
beforeAll(async () => {
  bundle = await mkdtemp(join(tmpdir(), 'parsers-'));
  const programs = {
    [SCRIPT]: (await findCalves('datastore-app'))[SCRIPT] ?? '',
    [HOSTILE]: 'test/integration/programs/hostile-parser.ts',
  };
  await bundleScriptsOf(programs, bundle);
});
afterAll(() => rm(bundle, { recursive: true }));

const CODES: readonly [string, () => CalfCode][] = [
  ['from source', () => findCalf('parsers')],
  ['as a bundle', () => ({ kind: 'script', file: join(bundle, SCRIPT) })],
];

/** As an ordinary user has it, or a container with fewer rights. */
const FEWEST: LayerPlan = {
  ...{ hasOwnUser: false, dropsBoundingSet: false, hasNamespaces: false, hasUserNamespace: false },
  missing: [{ layer: 'own user', reason: 'a test says so' }],
};

let parsing: OpenParser;
afterEach(() => parsing?.stop());
const open = (code: CalfCode, plan?: LayerPlan) => {
  parsing = openConfinedParser({ clock: systemClock, log: silentLog, code, ...(plan && { plan }) });
  return parsing;
};
const RAW = memoryFile(Buffer.alloc(8192));
const runningPid = () => parsing.status().process?.pid;

for (const [form, code] of CODES)
  describe(`what is parsed by a process of its own, ${form}`, () => {
    it.each([
      ['with all layers that there are', undefined],
      ['with the layers that need no right', FEWEST],
    ])('is as it is in this one, %s', async (_, plan) => {
      const { parser } = open(code(), plan);
      const images = [...Object.entries(SOUND_IMAGES), ['qcow', () => qcow1(1024 ** 2)] as const];
      for (const [name, make] of images) {
        for (const task of TASKS) {
          const there = await parser.parse(task, memoryFile(make()));
          expect(there, `${task} ${name}`).toEqual(await ownParser.parse(task, memoryFile(make())));
        }
      }
      expect(parsing.status()).toMatchObject({ place: 'confined process', reason: null });
    });

    it('goes on when the process was killed', async () => {
      const { parser } = open(code());
      const before = await parser.parse('describe', RAW);
      process.kill(runningPid() ?? 0, 'SIGKILL');
      await expect.poll(() => parsing.status().process?.restarts).toBe(1);
      expect(await parser.parse('describe', RAW)).toEqual(before);
    });
  });

describeWith(['root'], 'the process that parses', () => {
  it('has no rights, no network, no file, and no descriptor but its streams', async () => {
    const { parser } = open({ kind: 'script', file: join(bundle, SCRIPT) });
    await parser.parse('describe', RAW);
    const proc = `/proc/${runningPid()}`;
    const status = await readFile(`${proc}/status`, 'utf8');
    for (const line of [
      `Uid:\t${Array(4).fill(CALF_USERS.parsers).join('\t')}`,
      'CapEff:\t0000000000000000',
      'NoNewPrivs:\t1',
      'Seccomp:\t2',
    ])
      expect(status).toContain(`${line}\n`);
    const { hasNamespaces } = planHere();
    for (const name of ['net', 'mnt', 'ipc', 'uts']) {
      const isOwn = (await readlink(`${proc}/ns/${name}`)) !== (await readlink(`/proc/self/ns/${name}`));
      expect(isOwn, name).toBe(hasNamespaces);
    }
    const opened = await Promise.all((await readdir(`${proc}/fd`)).map((fd) => readlink(`${proc}/fd/${fd}`)));
    expect(opened.filter((target) => /^\/(?!dev\/null$)./.test(target))).toEqual([]);
    expect(opened.filter((target) => target.startsWith('socket:')).length).toBeLessThanOrEqual(4);
    expect(await readFile(`${proc}/limits`, 'utf8')).toMatch(/^Max file size +0 +0 /m);
    expect(parsing.status().process?.missing).toEqual(planHere().missing);
  });
});

describe('a hostile parser', () => {
  it('is refused all but its stream, and costs the file alone that made it so', async () => {
    const { parser } = open({ kind: 'script', file: join(bundle, HOSTILE) });
    const { description } = await parser.parse('describe', memoryFile(Buffer.alloc(512)));
    // What it was refused, as it tells in place of problems.
    expect(description.problems.map(({ message }) => message)).toEqual(
      ['read', 'write', 'spawn', 'worker', 'connect', 'listen', 'kill', 'addon', 'eval'].map((deed) =>
        expect.stringMatching(new RegExp(`^${deed}: (?!done)`)),
      ),
    );
    await expect(parser.parse('describe', memoryFile(Buffer.alloc(1024)))).rejects.toMatchObject({
      name: 'UnreadableContentError',
    });
    const again = await parser.parse('describe', memoryFile(Buffer.alloc(512)));
    expect(again.description.problems).toHaveLength(9);
  });
});

describe('where no process can be confined', () => {
  it('files are parsed in this one, and it is said why', async () => {
    const { parser } = open({ kind: 'script', file: join(bundle, 'calf-missing.js') });
    expect(await parser.parse('describe', RAW)).toEqual(await ownParser.parse('describe', RAW));
    expect(parsing.status()).toEqual({
      ...{ place: 'own process', process: null },
      reason: expect.stringContaining('calf-missing.js'),
    });
  });
});

describe('the datastore with a process that parses', () => {
  let place: DatastoreFolder;
  beforeEach(async () => {
    place = await createDatastoreFolder();
    for (const [name, make] of Object.entries(SOUND_IMAGES)) await place.put(`there.${name}`, make());
  });
  afterEach(() => place.remove());

  it('lists, describes and validates what is there and what comes, and tells of the process', async () => {
    const datastore = await place.start('--parsing', 'confined');
    const status = async () =>
      (await datastore.json('/-/api/v1/status')) as { parsing: ReturnType<OpenParser['status']> };
    await datastore.request('PUT', '/new.img', { body: SOUND_IMAGES.qcow2() });
    const { images } = (await datastore.json('/-/api/v1/images')) as {
      images: { path: string; format: string }[];
    };
    const formats = new Map(images.map(({ path, format }) => [path, format]));
    for (const name of Object.keys(SOUND_IMAGES)) {
      expect(formats.get(`there.${name}`)).toBe(/archive/.test(name) ? 'container' : name);
    }
    expect(formats.get('new.img')).toBe('qcow2');
    const { place: where, process: confined } = (await status()).parsing;
    expect([where, confined?.state]).toEqual(['confined process', 'running']);

    process.kill(confined?.pid ?? 0, 'SIGKILL');
    const operate = async (operation: string, image: string) =>
      JSON.parse(
        (
          await datastore.request('POST', `/-/api/v1/operations/${operation}`, {
            headers: { 'Content-Type': 'application/json' },
            body: JSON.stringify({ image }),
          })
        ).body.toString(),
      );
    const described = await operate('describe', 'there.ova');
    expect(described).toMatchObject({ format: 'ova' });
    expect(described.members.length).toBeGreaterThan(1);
    expect(await operate('validate', 'there.oci-archive')).toMatchObject({
      format: 'oci-archive',
      defects: [],
    });
    const brought = Buffer.from('brought in a bundle');
    const bundle = tar(
      { name: 'stick/', type: '5' },
      { name: 'stick/brought.img', content: brought },
      {
        name: 'stick/SHA256SUMS',
        content: `${createHash('sha256').update(brought).digest('hex')}  brought.img\n`,
      },
    );
    expect((await datastore.request('POST', '/-/api/v1/import', { body: bundle })).status).toBe(200);
    expect((await datastore.get('/brought.img')).body).toEqual(brought);
    const noTar = await datastore.request('POST', '/-/api/v1/import', { body: Buffer.alloc(2000, 'x') });
    expect([noTar.status, problemOf(noTar)]).toEqual([400, 'BUNDLE_INVALID']);
    expect((await status()).parsing.process?.restarts).toBe(1);
    const metrics = (await datastore.get('/-/metrics')).body.toString();
    expect(metrics).toContain('datastore_process_up{process="parsers"} 1\n');
    expect(metrics).toContain('datastore_process_restarts_total{process="parsers"} 1\n');
    expect(metrics).toMatch(/^datastore_process_layers_missing\{process="parsers"\} \d$/m);
    expect(await datastore.stop()).toBe(0);
  });
});

/** Where a process cannot tell what it may, nothing can be confined. */
const HIDDEN = 'mount --bind /proc/version /proc/$$/status && exec "$@"';
const CONFINES_NOTHING = ['unshare', '--mount', 'sh', '-c', HIDDEN, 'sh'];

describeWith(['root'], 'a datastore', () => {
  let place: DatastoreFolder;
  let child: ChildProcess | undefined;
  beforeEach(async () => {
    place = await createDatastoreFolder();
  });
  afterEach(async () => {
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }
    await place.remove();
  });

  function start(prefix: readonly string[], ...args: readonly string[]): ChildProcess {
    const { DATASTORE_PARSING: _own, ...env } = process.env;
    const folders = ['--root', place.root, '--state', place.state];
    const listening = ['--advertise', 'none', '--address', ADDRESS, '--port', '0'];
    const command = [...prefix, ...datastoreApp('serve', ...folders, ...listening, ...args)];
    child = spawn('setpriv', ['--pdeathsig', 'KILL', ...command], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    return child;
  }

  const NOTHING_TO_PARSE = { place: 'confined process', reason: null, process: null };
  it.each<[string, readonly string[], readonly string[], object]>([
    ['has a process that parses only while there is something to parse', [], [], NOTHING_TO_PARSE],
    [
      'parses by itself where it is told so',
      [],
      ['--parsing', 'own'],
      { place: 'own process', reason: '--parsing asks for it' },
    ],
    [
      'parses by itself on a host that confines nothing, and says why',
      CONFINES_NOTHING,
      [],
      { place: 'own process', reason: expect.stringContaining('/proc/self/status cannot be read') },
    ],
  ])('%s', async (_title, prefix, args, expected) => {
    const { log, seen } = waitForLog(start(prefix, ...args), '"listening"');
    await seen;
    const { port } = JSON.parse(
      log()
        .split('\n')
        .find((line) => line.includes('"listening"')) ?? '',
    );
    const parsing = async () =>
      ((await (await fetch(`http://${ADDRESS}:${port}/-/api/v1/status`)).json()) as { parsing: object })
        .parsing;
    expect(await parsing()).toMatchObject(expected);
    const isWarned = log().includes('files are parsed in the process of the datastore itself');
    expect(isWarned).toBe(prefix.length > 0);
    await place.put('new.qcow2', SOUND_IMAGES.qcow2());
    const confined = { ...NOTHING_TO_PARSE, process: { state: 'running' } };
    await expect.poll(parsing).toMatchObject(expected === NOTHING_TO_PARSE ? confined : expected);
  });

  it('does not start on a host that confines nothing where it is told to confine', async () => {
    const { exitCode, stderr } = await finish(start(CONFINES_NOTHING, '--parsing', 'confined'));
    expect([exitCode, stderr]).toEqual([
      2,
      expect.stringContaining('no process without rights can be had here'),
    ]);
  });
});
