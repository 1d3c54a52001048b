// SPDX-License-Identifier: Apache-2.0
/** A neighbour floods the link with malformed and hostile multicast DNS while others use it. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readJsonLines } from '../integration/json-lines.ts';
import { responseHex, startScriptedResponder } from '../integration/scripted-responder.ts';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { finish } from '../lab/namespace.ts';
import { eveAgent, startDatastore } from '../lab/programs.ts';
import { randomOfThisRun } from '../random.ts';
import { describeWith } from '../requirements.ts';
import { repetitions } from '../soak.ts';
import { report } from './fault-lab.ts';
import { becomeAttacker, startFlood } from './mdns-flood.ts';

const PER_SECOND = 1000;
const WRONG_ADDRESS = '10.1.0.67';
const POLL_PROGRAM = fileURLToPath(new URL('./programs/poll-status.ts', import.meta.url));
/** By how much the memory that a program ever had may be more than without a flood. */
const MAX_GROWTH_KIB = 80 * 1024;

/** The most memory that a process ever had resident, from `/proc`; 0 when it has ended. */
async function peakKibOf(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0);
}

describeWith(['lab'], 'a flood of malformed and hostile multicast DNS', () => {
  const random = randomOfThisRun('flooded mDNS');
  let lab: Lab;
  let attacker: App;
  beforeAll(async () => {
    lab = await createLab();
    await lab.addBridge('bn1', '10.1.0.1/24');
    attacker = await lab.addApp({ name: 'attacker', bridge: 'bn1' });
  });
  afterAll(() => lab?.stop());

  /** @param claimsName whether it says that the name is another host's */
  async function flood(hostName: string, victim: string, claimsName: boolean) {
    const addresses = { neighbour: '10.1.0.66', 'off-link': '10.9.0.5', victim };
    await becomeAttacker(attacker, addresses);
    const target = { hostName, wrongAddress: WRONG_ADDRESS, claimsName };
    const seed = random.integer(0, 2 ** 32 - 1);
    return startFlood(attacker, { seed, perSecond: PER_SECOND, addresses, target });
  }

  describe('while the agent resolves', () => {
    it.each([
      {
        answers: 'at once',
        name: 'ds',
        address: '10.1.0.5',
        resolves: repetitions({ short: 8, long: 25 }),
        times: [undefined],
      },
      {
        answers: 'to every second question alone',
        name: 'late',
        address: '10.1.0.6',
        resolves: repetitions({ short: 4, long: 10 }),
        times: Array.from({ length: 100 }, (_, i) => 2 * i + 2),
      },
      {
        answers: 'to every second question, with others on the only core',
        name: 'busy',
        address: '10.1.0.9',
        resolves: repetitions({ short: 3, long: 5 }),
        times: Array.from({ length: 100 }, (_, i) => 2 * i + 2),
        others: 3,
      },
    ])('it finds who answers $answers, every time', async (row) => {
      const { answers, name, address, resolves, times, others = 0 } = row;
      const host = `${name}.local`;
      const app = await lab.addApp({ name, bridge: 'bn1', address: `${address}/24` });
      const hex = responseHex({ answers: [{ name: host, type: 'A', ttl: 120, data: address }] });
      const rules = times.map((time) => ({
        question: `A ${host}`,
        hex,
        ...(time !== undefined && { time }),
      }));
      await startScriptedResponder(app, address, rules);
      const flooding = await flood(host, address, true);
      const onOneCore = others > 0 ? ['taskset', '--cpu-list', '0'] : [];
      const busy = Array.from({ length: others }, () =>
        lab.host.start([...onOneCore, 'sh', '-c', 'while :; do :; done']),
      );
      const packets = { received: 0, malformed: 0, rejected: 0 };
      let longestMs = 0;
      for (let count = 0; count < resolves; count += 1) {
        const command = [...onOneCore, ...eveAgent('resolve', `http://${host}/a.img`, '--json')];
        const { stdout, stderr, exitCode } = await lab.host.run(command);
        expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
        const found = JSON.parse(stdout);
        expect(found).toMatchObject({ address, bridge: 'bn1', responder: address });
        for (const key of ['received', 'malformed', 'rejected'] as const) packets[key] += found.packets[key];
        longestMs = Math.max(longestMs, found.elapsedMs);
      }
      for (const child of busy) child.kill('SIGKILL');
      const sent = await flooding.stop();
      report(`flooded while resolving who answers ${answers}`, { resolves, sent, packets, longestMs });
    });

    /** A search that finds nothing goes on for as long as it may. */
    async function searchInVain(host: string) {
      const search = ['resolve', `http://${host}/`, '--timeout', '8', '--json'];
      const child = lab.host.start(eveAgent(...search));
      const finished = finish(child);
      let peakKib = 0;
      while (child.exitCode === null) {
        peakKib = Math.max(peakKib, await peakKibOf(child.pid));
        await delay(50);
      }
      const { exitCode, stderr } = await finished;
      expect(exitCode).toBe(3);
      const { otherNames, refusals, received } = JSON.parse(stderr).error.details;
      return { peakKib, received, otherNames: otherNames.length, refusals: refusals.length };
    }

    it('it keeps no more memory, however long it takes', async () => {
      const quiet = await searchInVain('absent.local');
      const flooding = await flood('absent.local', '10.1.0.7', true);
      const flooded = await searchInVain('absent.local');
      const sent = await flooding.stop();
      report('flooded while searching in vain', { quiet, flooded, sent });
      expect(flooded.received).toBeGreaterThan(PER_SECOND);
      expect(flooded.peakKib - quiet.peakKib).toBeLessThan(MAX_GROWTH_KIB);
    });
  });

  describe('while the datastore advertises', () => {
    it('it stays ready, answers, and keeps no more memory', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'flood-'));
      const app = await lab.addApp({ name: 'store', bridge: 'bn1', address: '10.1.0.8/24' });
      const place = ['--root', join(folder, 'root'), '--state', join(folder, 'state')];
      const datastore = await startDatastore(app, [...place, '--host-name', 'store']);
      const sentPackets = async () => {
        const link = await lab.host.mustRun(['ip', '-json', '-stats', 'link', 'show', 'veth-store']);
        return JSON.parse(link)[0].stats64.rx.packets as number;
      };
      const quietPeakKib = await peakKibOf(datastore.child.pid);
      const packetsBefore = await sentPackets();
      const flooding = await flood('store.local', '10.1.0.8', false);
      const polling = lab.host.start([process.execPath, POLL_PROGRAM, 'http://10.1.0.8/-/readyz']);
      const polls = readJsonLines<{ status: number }>(polling);
      const resolves = repetitions({ short: 5, long: 10 });
      for (let count = 0; count < resolves; count += 1) {
        const { stdout, exitCode } = await lab.host.run(eveAgent('resolve', 'http://store.local/', '--json'));
        expect(exitCode).toBe(0);
        expect(JSON.parse(stdout)).toMatchObject({ address: '10.1.0.8', responder: '10.1.0.8' });
      }
      const sent = await flooding.stop();
      polling.kill('SIGKILL');
      const peakKib = await peakKibOf(datastore.child.pid);
      report('flooded while advertising', {
        resolves,
        sent,
        readyPolls: polls.all.filter(({ status }) => status === 200).length,
        otherPolls: polls.all.filter(({ status }) => status !== 200).length,
        packetsSent: (await sentPackets()) - packetsBefore,
        quietPeakKib,
        peakKib,
      });
      expect(new Set(polls.all.map(({ status }) => status))).toEqual(new Set([200]));
      expect(peakKib - quietPeakKib).toBeLessThan(MAX_GROWTH_KIB);
      expect(await datastore.stop()).toBe(0);
      await rm(folder, { recursive: true });
    });
  });
});
