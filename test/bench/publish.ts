// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { alternate, ratioOf, residentMiB, spreadOf, usageOf } from './measure.ts';
import { datastore, type Peer, startPeer } from './peers.ts';
import { formatSpread, formatTable } from './table.ts';

const IMAGE_COUNTS = [0, 10_000, 50_000];
const IMAGES_PER_FOLDER = 1000;
const UPLOADS = 200;
/** More than fits into what a journal or a cache would hold: whether the cost stays the same shows here. */
const MANY_UPLOADS = 1000;
const IDLE_COUNT = 10_000;
/** Starting costs are over by then. */
const SETTLED_MS = 10_000;
const IDLE_MS = 60_000;
const WRITE_TOKEN = 'token-of-the-bench';
const POLL_MS = 200;

const contentOf = (name: string) => `content of ${name}\n`;

/** Makes a root with so many small images, a thousand in a folder. */
async function makeRoot(root: string, count: number): Promise<void> {
  await mkdir(root, { recursive: true });
  for (let number = 0; number < count; number += 1) {
    const folder = join(root, `folder-${Math.floor(number / IMAGES_PER_FOLDER)}`);
    if (number % IMAGES_PER_FOLDER === 0) await mkdir(folder);
    await writeFile(join(folder, `image-${number}.img`), contentOf(`image ${number}`));
  }
}

const start = (root: string, work: string): Promise<Peer> =>
  startPeer(
    {
      ...datastore,
      command: async (...place) => [...(await datastore.command(...place)), '--write-token', WRITE_TOKEN],
    },
    root,
    work,
  );

async function countReady({ url }: Peer): Promise<number> {
  const metrics = await (await fetch(`${url}/-/metrics`)).text();
  return Number(/^datastore_images\{state="ready"\} (\d+)$/m.exec(metrics)?.[1]);
}

/** Has all images of a root hashed, so that the next start finds an index. */
async function makeIndex(root: string, work: string, count: number): Promise<void> {
  const peer = await start(root, work);
  try {
    while ((await countReady(peer)) < count) await wait(POLL_MS);
  } finally {
    await peer.stop();
  }
}

/** One PUT or DELETE over a connection that is kept. @throws Error for any other status than 2xx */
function send(agent: Agent, method: 'PUT' | 'DELETE', url: string, body = ''): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { Authorization: `Bearer ${WRITE_TOKEN}`, 'Content-Length': Buffer.byteLength(body) };
    request(url, { agent, method, headers }, (response) => {
      response.resume().once('end', () => {
        const { statusCode = 0 } = response;
        if (statusCode < 300) resolve();
        else reject(new Error(`${method} ${url}: ${statusCode}`));
      });
    })
      .once('error', reject)
      .end(body);
  });
}

/** @returns the seconds that the uploads took, one after another; removing them again is not counted */
async function upload({ url }: Peer, count: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const names = Array.from({ length: count }, (_, number) => `upload-${number}.img`);
  const startedMs = performance.now();
  for (const name of names) await send(agent, 'PUT', `${url}/${name}`, contentOf(name));
  const seconds = (performance.now() - startedMs) / 1000;
  for (const name of names) await send(agent, 'DELETE', `${url}/${name}`);
  agent.destroy();
  return seconds;
}

interface IdleSample {
  readonly readySeconds: number;
  readonly cpuPercent: number;
  readonly residentMiB: number;
}

/** A start with an index, and then nothing. */
async function idle(root: string, work: string): Promise<IdleSample> {
  const startedMs = performance.now();
  const peer = await start(root, work);
  const readySeconds = (performance.now() - startedMs) / 1000;
  try {
    await wait(SETTLED_MS);
    const before = usageOf(peer.pid).cpuSeconds;
    await wait(IDLE_MS);
    const cpuSeconds = usageOf(peer.pid).cpuSeconds - before;
    return {
      readySeconds,
      cpuPercent: (cpuSeconds * 100_000) / IDLE_MS,
      residentMiB: residentMiB(peer.pid),
    };
  } finally {
    await peer.stop();
  }
}

interface Place {
  readonly root: string;
  readonly work: string;
  readonly count: number;
}

async function uploadTable(places: readonly Place[], uploads: number, rounds: number): Promise<string> {
  const peers: (readonly [string, Peer])[] = [];
  try {
    for (const { root, work, count } of places) peers.push([String(count), await start(root, work)]);
    const samples = await alternate(
      peers.map(([name, peer]) => [name, () => upload(peer, uploads)] as const),
      rounds,
    );
    const empty = samples.get('0') ?? [];
    const rows = [...samples].map(([name, seconds]) => [
      name,
      formatSpread(spreadOf(seconds)),
      formatSpread(ratioOf(seconds, empty, (sample) => sample)),
    ]);
    return `${uploads} uploads:\n\n${formatTable(['images in the root', 'wall s', 'to the empty one'], rows)}`;
  } finally {
    for (const [, peer] of peers) await peer.stop();
  }
}

/** Uploads into roots with many images against an empty one; and what a root with many costs that is left alone. */
export async function benchPublish(parent: string, rounds: number): Promise<string> {
  const folder = await mkdtemp(join(parent, 'publish-'));
  try {
    const places: Place[] = [];
    for (const count of IMAGE_COUNTS) {
      const place = { root: join(folder, `root-${count}`), work: join(folder, `work-${count}`), count };
      await makeRoot(place.root, count);
      await makeIndex(place.root, place.work, count);
      places.push(place);
    }
    const sections = [
      await uploadTable(places, UPLOADS, rounds),
      await uploadTable(places, MANY_UPLOADS, rounds),
    ];
    const idlePlaces = places.filter(({ count }) => count === 0 || count === IDLE_COUNT);
    const samples = await alternate(
      idlePlaces.map(({ root, work, count }) => [String(count), () => idle(root, work)] as const),
      1,
    );
    const rows = [...samples].map(([name, [sample]]) => [
      name,
      sample?.readySeconds.toFixed(2) ?? '',
      sample?.cpuPercent.toFixed(2) ?? '',
      sample?.residentMiB.toFixed(0) ?? '',
    ]);
    const header = ['images in the root', 'ready after s', '% of a core', 'memory MiB'];
    sections.push(
      `Started with an index, and left alone for ${IDLE_MS / 1000} s:\n\n${formatTable(header, rows)}`,
    );
    return sections.join('\n\n');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
