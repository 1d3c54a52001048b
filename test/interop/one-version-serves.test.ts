// SPDX-License-Identifier: Apache-2.0
/**
 * Whatever goes wrong with a new version on its way by curl to a Docker engine, exactly one version serves afterwards,
 * and a client on another host that asks all the time hears of no other one.
 */
import { readFile, stat, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  archiveOf,
  configOf,
  ENCODINGS,
  LAYERS,
} from '../../eve-agent/src/launch/image-stream/testing/image-archives.ts';
import {
  type CurlAnswer,
  createDeploymentHost,
  type DeploymentHost,
  WEB_PORT,
} from '../lab/deployments/deployment-host.ts';
import { boot, losePower } from '../lab/deployments/lose-power.ts';
import { DEBIAN_ENGINE, ENGINE_KINDS, type EngineKind } from '../lab/engine-kinds.ts';
import { inspectContainer, listContainers, listImages } from '../lab/engine-views.ts';
import type { App } from '../lab/lab.ts';
import { type Asker, startAsker } from '../lab/switch/asker.ts';
import { listOurRules } from '../lab/switch/our-rules.ts';
import { describeWith } from '../requirements.ts';

const NAME = 'website';
const CONTAINER = `ed_${NAME}`;
const LOAD = `/v1/deployments/${NAME}/load`;
const URL_OUTSIDE = `http://10.1.0.1:${WEB_PORT}/`;
const PORTS = ['-p', `${WEB_PORT}:80`];
const HTTP = { kind: 'http', port: 80, intervalSeconds: 0.3 };
const WELL = { name: NAME, args: PORTS, health: HTTP, settle: '300ms', keep: 1, stopTimeout: 3 };
const SICK = { ...WELL, args: [...PORTS, '-e', 'ANSWER=return 503;'] };
const CRASHING = [...PORTS, '--entrypoint', '/bin/sh', 'IMAGE', '-c', 'echo no config >&2; exit 3'];
/** For as long as a test may take. */
const FOR_LONG = 600;
const FILLER_BYTES = 16 * 2 ** 20;
const STALLED_AFTER = 4_000_000;
/** Of the engine's disk, while nothing is tried with it. */
const ROOMY = 2 ** 30;

type Encoding = 'plain' | 'gzip' | 'zstd';
const encode = (encoding: Encoding, bytes: Buffer) => ENCODINGS[encoding](bytes);
const half = (bytes: Buffer) => bytes.subarray(0, bytes.length >> 1);

function flip(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(at) ^ 1, at);
  return copy;
}
const flipMiddle = (bytes: Buffer) => flip(bytes, bytes.length >> 1);

/** @param kind but for Debian's only what the engine itself has a part in is tried */
function keepsOneVersion(kind: EngineKind): void {
  const isDebian = kind === DEBIAN_ENGINE;
  /** The others are not there at all: they are not passed over for want of something. */
  const itOfDebian = (title: string, test: () => Promise<void>) => {
    if (isDebian) it(title, test);
  };
  let host: DeploymentHost;
  let neighbour: App;
  let asker: Asker;
  let v2: string;
  let large: string;
  let stalls = 0;
  /** What v1 left: its container, and the images. */
  let before: { readonly containers: string; readonly images: readonly string[] };

  const disk = () => host.at('engine/data');
  const resizeDisk = (bytes: number) =>
    host.lab.host.mustRun(['mount', '-o', `remount,size=${bytes}`, disk()]);
  async function freeOnDisk(bytes: number): Promise<void> {
    const used = await host.lab.host.mustRun(['df', '--block-size=1', '--output=used', disk()]);
    await resizeDisk(Number(used.split('\n')[1]) + Math.floor(bytes));
  }

  const imagesNow = () => listImages(host.engine);
  /** All containers that there are, with what becomes of each when the engine starts again. */
  async function containersNow(): Promise<string> {
    const shown = await Promise.all(
      (await listContainers(host.engine)).map(({ id }) => inspectContainer(host.engine, id)),
    );
    return shown
      .map((each) => `${each?.Name} ${each?.State.Status} ${each?.HostConfig.RestartPolicy.Name} ${each?.Id}`)
      .sort()
      .join('\n');
  }
  /** By name. */
  const stateOf = async (name: string) => (await inspectContainer(host.engine, name))?.State.Status ?? '';
  const startedAt = async () => (await inspectContainer(host.engine, CONTAINER))?.State.StartedAt ?? '';
  const ask = async () =>
    (await neighbour.run(['curl', '--silent', '--max-time', '20', URL_OUTSIDE])).stdout.trim();
  const configure = (deployment: object) => host.configure({ deployments: [deployment] });
  const problemOf = ({ status, body }: CurlAnswer) => ({
    status,
    ...(body === '' ? {} : (JSON.parse(body) as Record<string, unknown>)),
  });
  const load = async (archive: string) =>
    problemOf(await host.curl(host.client('ci'), LOAD, '--upload-file', archive));

  const whatIsThere = async () => ({
    answer: await ask(),
    containers: await containersNow(),
    images: await imagesNow(),
    rules: await listOurRules(host.lab.host),
  });
  const oneVersion = () => ({ answer: 'v1', ...before, rules: [] });
  async function show() {
    const { body } = await host.curl(host.client('ci'), `/v1/deployments/${NAME}`);
    return JSON.parse(body) as Record<string, unknown>;
  }

  beforeAll(async () => {
    host = await createDeploymentHost(['ci'], kind);
    neighbour = await host.lab.addApp({ name: 'neighbour', bridge: 'bn1', address: '10.1.0.5/24' });
    const v1 = await host.archive('v1');
    v2 = await host.archive('v2');
    large = await host.archive('large', FILLER_BYTES);
    // Its disk from here on is one whose size can be changed.
    await host.engine.stop();
    await host.lab.host.mustRun(['mount', '-t', 'tmpfs', '-o', `size=${ROOMY}`, 'tmpfs', disk()]);
    await host.startEngine();
    await configure(WELL);
    await host.startAgent();
    expect(await load(v1)).toMatchObject({ status: 200, generation: 1 });
    before = { containers: await containersNow(), images: await imagesNow() };
    expect(before.containers).toMatch(/^\/ed_website running unless-stopped \w+$/);
    expect(before.images).toHaveLength(2);
    asker = await startAsker(neighbour, URL_OUTSIDE);
  });
  afterAll(async () => {
    await asker?.stop();
    await host?.stop();
  });

  /** What the client has seen since the last time, once it was answered: it waits for one answer before it asks again. */
  async function hear() {
    const heard = { failed: 0, words: new Set<string>() };
    await expect
      .poll(async () => {
        const { failed, words } = await asker.look();
        heard.failed += failed;
        for (const word of Object.keys(words)) heard.words.add(word);
        return heard.words.size;
      })
      .toBeGreaterThan(0);
    return { failed: heard.failed, words: [...heard.words].sort() };
  }

  /** @returns the answer to a new version that is refused, of which nobody noticed anything */
  async function refused(attempt: () => Promise<object>) {
    const { image, startedAt } = await show();
    await asker.look();
    const answer = await attempt();
    expect(await whatIsThere()).toEqual(oneVersion());
    expect(await hear()).toEqual({ failed: 0, words: ['v1'] });
    expect(await show()).toMatchObject({ state: 'running', image, startedAt, operation: null });
    return answer;
  }

  describe('an archive that is not right', () => {
    const damages: [title: string, code: RegExp, damage: (bytes: Buffer) => Buffer][] = [];
    for (const encoding of isDebian ? (['plain', 'gzip', 'zstd'] as const) : (['plain'] as const)) {
      damages.push(
        [`${encoding}, cut off`, /^ARCHIVE_CUT_OFF$/, (bytes) => half(encode(encoding, bytes))],
        [`${encoding} of a flipped one`, /^LAYER_DAMAGED$/, (bytes) => encode(encoding, flipMiddle(bytes))],
      );
      if (encoding === 'plain') continue;
      damages.push([
        `${encoding}, flipped itself`,
        /^(?:ARCHIVE|LAYER|CONFIG)_/,
        (bytes) => flipMiddle(encode(encoding, bytes)),
      ]);
    }
    it.each(damages)('%s', async (_title, code, damage) => {
      await writeFile(host.at('damaged'), damage(await readFile(v2)));
      expect(await refused(() => load(host.at('damaged')))).toMatchObject({
        ...{ status: 422, code: expect.stringMatching(code), why: expect.stringMatching(/archive|layer/i) },
      });
    });

    itOfDebian('for another architecture', async () => {
      const config = configOf(LAYERS, { architecture: 's390x' });
      await writeFile(host.at('foreign'), archiveOf('docker save of 20', { config }));
      expect(await refused(() => load(host.at('foreign')))).toMatchObject({
        ...{ status: 422, code: 'PLATFORM_MISMATCH', why: expect.stringContaining('s390x') },
      });
    });
  });

  const versions: [title: string, deployment: object, code: string, why: RegExp][] = [
    [
      'whose check fails',
      { ...SICK, health: { ...HTTP, startPeriodSeconds: 1, retries: 1 } },
      'UNHEALTHY',
      /503/,
    ],
    [
      'that is not well by its image’s own check',
      {
        ...WELL,
        args: [...PORTS, '--health-cmd', 'echo broken; exit 1', '--health-interval', '1s'].concat(
          '--health-retries',
          '1',
        ),
        health: undefined,
      },
      'UNHEALTHY',
      /broken/,
    ],
    ['that crashes at once', { ...WELL, args: CRASHING }, 'EXITED', /exited with 3/],
  ];
  it.each(isDebian ? versions : [])('a version %s', async (_title, deployment, code, why) => {
    await configure(deployment);
    const { image: serving } = await show();
    expect(await refused(() => load(v2))).toMatchObject({
      ...{ status: 422, code, why: expect.stringMatching(why), serving, logs: expect.any(Array) },
    });
    await configure(WELL);
  });

  /** Sends a part, and the rest when `goOn` says so. */
  async function sendStalled(archive: string) {
    await writeFile(host.at('begun'), '');
    stalls += 1;
    const rest = host.at(`rest-${stalls}`);
    const parts = [
      `head -c ${STALLED_AFTER} ${archive}`,
      // With the folder of the test it ends too.
      `while [ ! -e ${rest} ] && [ -e ${archive} ]; do sleep 0.1; done`,
      `tail -c +${STALLED_AFTER + 1} ${archive}`,
    ];
    // `.`: what is answered is read meanwhile.
    const line = `(${parts.join('; ')}) | $CURL -T . $URL${LOAD}`;
    return { answer: host.shell(host.client('ci'), line), goOn: () => writeFile(rest, '') };
  }
  /** Some of the archive has reached the engine, which may have kept some of one that was broken off. */
  const isArriving = async () => {
    const files = ['-path', kind.arriving, '-newer', host.at('begun'), '-type', 'f', '-size', '+100k'];
    return (await host.lab.host.run(['find', disk(), ...files])).stdout !== '';
  };

  describe('a disk of the engine', () => {
    it('with less room than the version needs', async () => {
      // What the engine keeps of archives that were broken off it may throw away just now: with that it is too little yet.
      await freeOnDisk((await stat(large)).size / 4);
      expect(await refused(() => load(large))).toMatchObject({
        ...{ status: 507, code: 'NO_SPACE', why: expect.stringMatching(/needs more than the \d+ MiB/) },
      });
      await resizeDisk(ROOMY);
    });

    it('that others fill while the version comes', async () => {
      await freeOnDisk(4 * (await stat(large)).size);
      const answer = await refused(async () => {
        const sending = await sendStalled(large);
        await expect.poll(isArriving).toBe(true);
        // To its last byte.
        await host.lab.host.run(['sh', '-c', 'cat /dev/zero > "$1"', 'sh', `${disk()}/filler`]);
        await sending.goOn();
        return problemOf(await sending.answer);
      });
      await host.lab.host.mustRun(['rm', `${disk()}/filler`]);
      await resizeDisk(ROOMY);
      expect(answer).toMatchObject({
        ...{ status: 507, code: 'ENGINE_NO_SPACE', why: expect.stringContaining('no space left on device') },
      });
    });
  });

  interface Moment {
    readonly title: string;
    readonly deployment: object;
    /** Until then the client hears of no other version. */
    readonly hasMoved: boolean;
    readonly isStalled?: boolean;
    /** Whether it is so far. */
    isReached(): Promise<boolean>;
  }
  const MOMENTS: readonly Moment[] = [
    {
      title: 'while the archive comes',
      deployment: WELL,
      hasMoved: false,
      isStalled: true,
      isReached: isArriving,
    },
    {
      title: 'while the new version is judged',
      deployment: { ...SICK, health: { ...HTTP, startPeriodSeconds: FOR_LONG } },
      hasMoved: false,
      isReached: async () => (await stateOf(`${CONTAINER}.try`)) === 'running',
    },
    {
      title: 'when the old version has stopped',
      deployment: { ...WELL, settle: FOR_LONG },
      hasMoved: true,
      isReached: async () =>
        (await stateOf(CONTAINER)) === 'exited' && (await stateOf(`${CONTAINER}.new`)) === 'running',
    },
  ];

  /** While a version is judged, an engine has no part in what comes of it but what it has in the last moment, too. */
  const OF_ANY_ENGINE = MOMENTS.filter(({ isStalled, hasMoved }) => isStalled || hasMoved);

  interface Fault {
    readonly title: string;
    expectAnswer(answer: CurlAnswer): void;
    strike(): Promise<void>;
    mend(): Promise<void>;
  }
  const expectAway = (answer: CurlAnswer) =>
    expect(problemOf(answer)).toMatchObject({
      ...{ status: 503, code: 'ENGINE_AWAY', why: expect.stringContaining('engine') },
    });
  const FAULTS: readonly Fault[] = [
    {
      title: 'an engine that is started again',
      expectAnswer: expectAway,
      strike: () => host.engine.stop(),
      mend: () => host.startEngine(),
    },
    {
      title: 'an engine that dies',
      expectAnswer: expectAway,
      async strike() {
        await host.engine.kill();
        // It has ended with the engine; that nobody asked how keeps its number taken.
        await host.lab.host.mustRun(['rm', '-f', host.at('engine/exec/containerd/containerd.pid')]);
      },
      mend: () => host.startEngine(),
    },
    {
      title: 'a reboot',
      // Nobody answers any more.
      expectAnswer: ({ exitCode, body }) => expect([exitCode === 0, body]).toEqual([false, '']),
      strike: () => losePower(host),
      mend: () => boot(host),
    },
  ];

  describe.each(FAULTS)('$title', (fault) => {
    it.each(isDebian ? MOMENTS : OF_ANY_ENGINE)('$title', async (moment) => {
      await configure(moment.deployment);
      const startedBefore = await startedAt();
      await asker.look();
      const { answer, goOn } = moment.isStalled
        ? await sendStalled(v2)
        : { answer: host.curl(host.client('ci'), LOAD, '--upload-file', v2), goOn: async () => {} };
      await expect.poll(moment.isReached).toBe(true);
      await fault.strike();
      await goOn();
      await fault.mend();
      fault.expectAnswer(await answer);
      // One that outlives its engine ends with the next one, and is started anew.
      await expect
        .poll(async () => [await startedAt(), await whatIsThere()], { interval: 250 })
        .toEqual([expect.not.stringContaining(startedBefore), oneVersion()]);
      const meanwhile = Object.keys((await asker.look()).words);
      expect(moment.hasMoved ? ['v1', 'v2'] : ['v1']).toEqual(expect.arrayContaining(meanwhile));
      // What it asked before may fail only now.
      expect((await hear()).words).toEqual(['v1']);
      await expect.poll(async () => (await show()).operation).toBeNull();
      expect(await whatIsThere()).toEqual(oneVersion());
      expect(await hear()).toEqual({ failed: 0, words: ['v1'] });
      await configure(WELL);
    });
  });

  it('what was refused for want of room is taken where there is some, as is the next', async () => {
    for (const [archive, word] of [
      [large, 'large'],
      [v2, 'v2'],
    ] as const) {
      expect(await load(archive)).toMatchObject({ status: 200, state: 'running' });
      expect(await ask()).toBe(word);
    }
    expect(await asker.look()).toMatchObject({ failed: 0 });
  });
}

const needs = ['lab', 'root', 'dockerd', 'iptables', 'nginx', 'openssl', 'curl'] as const;
for (const kind of ENGINE_KINDS) {
  describeWith([...needs, kind.requirement], `exactly one version serves, by ${kind.title}`, () =>
    keepsOneVersion(kind),
  );
}
