// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createImageLayout } from '../lab/image-layouts.ts';
import { alternate, ratioOf, run, spreadOf, usageOf } from './measure.ts';
import { type Peer, type PeerDescription, startPeer } from './peers.ts';
import { formatSpread, formatTable } from './table.ts';

const LAYERS = 10;
const LAYER_BYTES = Math.floor(2 ** 30 / LAYERS);
const WRITE_TOKEN = 'token-of-the-registry-bench';

/** The datastore as it is deployed: bundled, without mDNS, which has nothing to do here. */
const datastore: PeerDescription = {
  name: 'datastore-app',
  async command(port, _root, work) {
    const token = join(work, 'token');
    await writeFile(token, WRITE_TOKEN);
    const folders = ['--root', join(work, 'root'), '--state', join(work, 'state'), '--reserve', '0'];
    return [
      ...[process.execPath, 'dist/datastore-app/main.js', 'serve', ...folders, '--write-token-file', token],
      ...['--address', '127.0.0.1', '--port', String(port), '--advertise', 'none', '--log-level', 'error'],
    ];
  },
};

/** Of Debian: CNCF Distribution 2.8, which does not sync what it stores. */
const dockerRegistry: PeerDescription = {
  name: 'docker-registry',
  async command(port, _root, work) {
    const settings = join(work, 'config.yml');
    const document = {
      version: '0.1',
      log: { level: 'error', accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: join(work, 'storage') }, delete: { enabled: true } },
      http: { addr: `127.0.0.1:${port}` },
    };
    await writeFile(settings, JSON.stringify(document));
    return ['docker-registry', 'serve', settings];
  },
};

interface Served {
  readonly wallSeconds: number;
  /** Of the server alone. */
  readonly cpuSeconds: number;
  readonly peakMemoryMiB: number;
}

async function serve(peer: Peer, command: string): Promise<Served> {
  const before = usageOf(peer.pid);
  const { wallSeconds } = await run(command);
  const { cpuSeconds, peakMemoryMiB } = usageOf(peer.pid);
  return { wallSeconds, cpuSeconds: cpuSeconds - before.cpuSeconds, peakMemoryMiB };
}

function tableOf(samples: ReadonlyMap<string, readonly Served[]>): string {
  const ours = samples.get(datastore.name) ?? [];
  const rows = [...samples].map(([name, theirs]) => [
    name,
    formatSpread(spreadOf(theirs.map(({ wallSeconds }) => wallSeconds))),
    formatSpread(spreadOf(theirs.map(({ cpuSeconds }) => cpuSeconds))),
    spreadOf(theirs.map(({ peakMemoryMiB }) => peakMemoryMiB)).maximum.toFixed(0),
    formatSpread(ratioOf(ours, theirs, ({ wallSeconds }) => wallSeconds)),
    formatSpread(ratioOf(ours, theirs, ({ cpuSeconds }) => cpuSeconds)),
  ]);
  const header = ['registry', 'wall s', 'server CPU s', 'memory MiB', 'ours/its wall', 'ours/its CPU'];
  return formatTable(header, rows);
}

/** skopeo pulls an image of 1 GiB in ten layers from each registry, and pushes one to it. */
export async function benchRegistry(work: string, memory: string, rounds: number): Promise<string> {
  const made = await createImageLayout(join(memory, 'made'));
  await made.addImage({ layers: Array.from({ length: LAYERS }, () => randomBytes(LAYER_BYTES)) }, '1');
  const peers: Peer[] = [];
  try {
    for (const description of [datastore, dockerRegistry]) {
      peers.push(await startPeer(description, work, work));
    }
    const imageOf = ({ url }: Peer, name: string) => `docker://${new URL(url).host}/${name}:1`;
    const push = (peer: Peer, name: string) =>
      `skopeo copy -q --preserve-digests --dest-tls-verify=false --dest-creds bench:${WRITE_TOKEN} oci:${made.folder}:1 ${imageOf(peer, name)}`;
    const pulled = join(memory, 'pulled');
    const pull = (peer: Peer) =>
      `rm -rf ${pulled} && skopeo copy -q --src-tls-verify=false ${imageOf(peer, 'lab/big')} dir:${pulled}`;
    for (const peer of peers) await run(push(peer, 'lab/big'));
    const pulls = await alternate(
      peers.map((peer) => [peer.name, () => serve(peer, pull(peer))] as const),
      rounds,
    );
    await rm(pulled, { recursive: true });
    // Another repository each time, and layers that nobody has: what is there already is not sent.
    const pushes = await alternate(
      peers.map((peer) => [
        peer.name,
        async () => {
          await rm(made.folder, { recursive: true });
          const next = await createImageLayout(made.folder);
          await next.addImage(
            { layers: Array.from({ length: LAYERS }, () => randomBytes(LAYER_BYTES)) },
            '1',
          );
          // What the one before left to be written later is not paid for by this one.
          await run('sync');
          return serve(peer, push(peer, 'lab/pushed'));
        },
      ]),
      rounds,
    );
    return (
      `skopeo pulls 1 GiB in ${LAYERS} layers to memory:\n\n${tableOf(pulls)}\n\n` +
      `skopeo pushes as much (ours is on the disk when it answers):\n\n${tableOf(pushes)}`
    );
  } finally {
    await Promise.all(peers.map((peer) => peer.stop()));
    await rm(made.folder, { recursive: true, force: true });
  }
}
