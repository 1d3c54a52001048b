// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type ManifestRecord,
  repositoryRecordText,
  type TagRecord,
} from '../../datastore-app/src/blobs/repository-record.ts';
import { alternate, residentMiB, spreadOf } from './measure.ts';
import { datastore, startPeer } from './peers.ts';
import { formatSpread, formatTable } from './table.ts';

const TAGS_PER_REPOSITORY = 10;
/** With its manifest and its config. */
const BLOBS_PER_IMAGE = 10;
/** The greatest has 10,000 tags and 100,000 blobs. */
const REPOSITORY_COUNTS = [10, 100, 1000];
const PAGE = 100;
const REQUESTS = 20;
const WRITE_TOKEN = 'token-of-the-bench';
const AT = '2026-01-01T00:00:00Z';
const [MANIFEST, CONFIG, LAYER] = ['manifest.v1+json', 'config.v1+json', 'layer.v1.tar'].map(
  (kind) => `application/vnd.oci.image.${kind}`,
) as [string, string, string];

/** Stores small blobs where the datastore has them: what counts is how many there are. */
function createBlobWriter(root: string) {
  const made = new Set<string>();
  return async (content: string) => {
    const hex = createHash('sha256').update(content).digest('hex');
    const folder = join(root, '.oci', 'blobs', 'sha256', hex.slice(0, 2));
    if (!made.has(folder)) await mkdir(folder, { recursive: true });
    made.add(folder);
    await writeFile(join(folder, hex), content, { mode: 0o444 });
    return { digest: `sha256:${hex}`, size: content.length };
  };
}

/** Makes a root with so many repositories; every image has blobs of its own. */
async function makeRepositories(root: string, count: number): Promise<void> {
  await mkdir(join(root, '.oci'), { recursive: true });
  await writeFile(join(root, '.oci', 'version'), '{"version":1}\n');
  const writeBlob = createBlobWriter(root);
  for (let number = 0; number < count; number += 1) {
    const name = `lab/group-${number % 32}/app-${number}`;
    const tags = new Map<string, TagRecord>();
    const manifests = new Map<string, ManifestRecord>();
    for (let tag = 0; tag < TAGS_PER_REPOSITORY; tag += 1) {
      const image = `${name}:${tag}`;
      const config = { mediaType: CONFIG, ...(await writeBlob(JSON.stringify({ image }))) };
      const layers = [];
      for (let layer = 0; layer < BLOBS_PER_IMAGE - 2; layer += 1) {
        layers.push({ mediaType: LAYER, ...(await writeBlob(`layer ${layer} of ${image}`)) });
      }
      const document = JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, config, layers });
      const { digest, size } = await writeBlob(document);
      const blobs = [config, ...layers].map((each) => ({ digest: each.digest, sizeBytes: each.size }));
      manifests.set(digest, { mediaType: MANIFEST, sizeBytes: size, at: AT, blobs, children: [] });
      tags.set(`v${tag}`, { digest, at: AT });
    }
    const folder = join(root, '.oci', 'repositories', ...name.split('/'));
    await mkdir(folder, { recursive: true });
    const text = repositoryRecordText({ name, created: AT, tags, manifests, versions: [] });
    await writeFile(join(folder, '_repository.json'), text);
  }
}

interface Sample {
  readonly readySeconds: number;
  readonly pageMs: number;
  readonly tagsMs: number;
  readonly planMs: number;
  readonly residentMiB: number;
}

/** The typical time of a request, over one connection. @throws Error for any other status than 2xx */
async function timeOf(url: string, init: RequestInit = {}): Promise<number> {
  const times: number[] = [];
  for (let repetition = 0; repetition < REQUESTS; repetition += 1) {
    const startedMs = performance.now();
    const answer = await fetch(url, { ...init, headers: { Authorization: `Bearer ${WRITE_TOKEN}` } });
    await answer.arrayBuffer();
    if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
    times.push(performance.now() - startedMs);
  }
  return spreadOf(times).median;
}

async function measure(root: string, work: string): Promise<Sample> {
  const startedMs = performance.now();
  const peer = await startPeer(
    {
      ...datastore,
      command: async (...place) => [...(await datastore.command(...place)), '--write-token', WRITE_TOKEN],
    },
    root,
    work,
  );
  try {
    const readySeconds = (performance.now() - startedMs) / 1000;
    return {
      readySeconds,
      pageMs: await timeOf(`${peer.url}/-/api/v1/registry/repositories?n=${PAGE}`),
      tagsMs: await timeOf(`${peer.url}/v2/lab/group-1/app-1/tags/list`),
      planMs: await timeOf(`${peer.url}/-/api/v1/registry/gc`, { method: 'POST' }),
      residentMiB: residentMiB(peer.pid),
    };
  } finally {
    await peer.stop();
  }
}

/** What many repositories cost: the start, pages of lists, the plan of a collection, memory. */
export async function benchRepositories(parent: string, rounds: number): Promise<string> {
  const folder = await mkdtemp(join(parent, 'repositories-'));
  try {
    const contenders: (readonly [string, () => Promise<Sample>])[] = [];
    for (const count of REPOSITORY_COUNTS) {
      const root = join(folder, `root-${count}`);
      await makeRepositories(root, count);
      contenders.push([String(count), () => measure(root, join(folder, `work-${count}`))]);
    }
    const rows = [...(await alternate(contenders, rounds))].map(([name, samples]) => {
      const show = (figure: (sample: Sample) => number) => formatSpread(spreadOf(samples.map(figure)));
      const count = Number(name);
      return [
        ...[count, count * TAGS_PER_REPOSITORY, count * TAGS_PER_REPOSITORY * BLOBS_PER_IMAGE].map(String),
        show(({ readySeconds }) => readySeconds),
        ...[show(({ pageMs }) => pageMs), show(({ tagsMs }) => tagsMs), show(({ planMs }) => planMs)],
        show(({ residentMiB: resident }) => resident),
      ];
    });
    const header = [
      ...['repositories', 'tags', 'blobs', 'ready after s'],
      ...[`${PAGE} repositories ms`, 'tags of one ms', 'plan of a collection ms', 'memory MiB'],
    ];
    return `Started, and asked:\n\n${formatTable(header, rows)}`;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
