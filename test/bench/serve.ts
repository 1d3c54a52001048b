// SPDX-License-Identifier: Apache-2.0
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { alternate, ratioOf, run, spreadOf, usageOf } from './measure.ts';
import { apache, datastore, nginx, type Peer, startPeer, stockServeStatic } from './peers.ts';
import { formatSpread, formatTable } from './table.ts';

interface ServeSample {
  readonly wallSeconds: number;
  /** Of the server, for each GiB. */
  readonly cpuSeconds: number;
  readonly peakMemoryMiB: number;
}

const SMALL_FILE_BYTES = 64 * 1024;
const SMALL_FILE_SECONDS = 2;

async function transfer(peer: Peer, clients: number): Promise<ServeSample> {
  const before = usageOf(peer.pid);
  const curl = `curl -sf -o /dev/null ${peer.url}/big.img`;
  const command = Array.from({ length: clients }, () => `${curl} & pids="$pids $!"`).join(' ; ');
  const { wallSeconds } = await run(`${command} ; for pid in $pids ; do wait $pid || exit 1 ; done`);
  const after = usageOf(peer.pid);
  return {
    wallSeconds,
    cpuSeconds: (after.cpuSeconds - before.cpuSeconds) / clients,
    peakMemoryMiB: after.peakMemoryMiB,
  };
}

async function requestsPerSecond(peer: Peer): Promise<number> {
  const { stdout } = await run(`wrk -t1 -c8 -d${SMALL_FILE_SECONDS}s ${peer.url}/small.bin`);
  const failed = /Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1];
  if (failed !== undefined) throw new Error(`${peer.name}: ${failed} requests failed`);
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]);
}

/** 1 GiB from the page cache to `curl -o /dev/null`, and 64 KiB files a second. */
export async function benchServe(work: string, rounds: number): Promise<string> {
  const root = join(work, 'www');
  await mkdir(root, { recursive: true });
  await run(
    `head -c ${SMALL_FILE_BYTES} ${root}/big.img > ${root}/small.bin && cat ${root}/big.img > /dev/null`,
  );
  const descriptions = [datastore, nginx('off'), nginx('on'), apache, stockServeStatic];
  const peers: Peer[] = [];
  try {
    for (const description of descriptions) peers.push(await startPeer(description, root, work));
    const sections: string[] = [];
    for (const clients of [1, 4]) {
      const samples = await alternate(
        peers.map((peer) => [peer.name, () => transfer(peer, clients)] as const),
        rounds,
      );
      const ours = samples.get(datastore.name) ?? [];
      const rows = peers.map(({ name }) => {
        const theirs = samples.get(name) ?? [];
        return [
          name,
          formatSpread(spreadOf(theirs.map(({ wallSeconds }) => wallSeconds))),
          formatSpread(spreadOf(theirs.map(({ cpuSeconds }) => cpuSeconds))),
          spreadOf(theirs.map(({ peakMemoryMiB }) => peakMemoryMiB)).maximum.toFixed(0),
          formatSpread(ratioOf(ours, theirs, ({ wallSeconds }) => wallSeconds)),
          formatSpread(ratioOf(ours, theirs, ({ cpuSeconds }) => cpuSeconds)),
        ];
      });
      const header = ['server', 'wall s', 'CPU s per GiB', 'memory MiB', 'ours/its wall', 'ours/its CPU'];
      sections.push(`1 GiB each to ${clients} client(s):\n\n${formatTable(header, rows)}`);
    }
    const rates = await alternate(
      peers.map((peer) => [peer.name, () => requestsPerSecond(peer)] as const),
      rounds,
    );
    const ours = rates.get(datastore.name) ?? [];
    const rows = peers.map(({ name }) => {
      const theirs = rates.get(name) ?? [];
      return [name, formatSpread(spreadOf(theirs), 0), formatSpread(ratioOf(ours, theirs, (rate) => rate))];
    });
    sections.push(
      `64 KiB files a second (wrk, 8 connections):\n\n${formatTable(['server', 'files/s', 'ours/its'], rows)}`,
    );
    return sections.join('\n\n');
  } finally {
    for (const peer of peers) await peer.stop();
  }
}
