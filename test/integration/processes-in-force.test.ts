// SPDX-License-Identifier: Apache-2.0
/** The processes without rights of an agent that runs, whichever there are: what the kernel says of each. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeProgram } from '@local-datastore/shared/confinement/filters/bpf-program';
import { calfSyscalls } from '@local-datastore/shared/confinement/filters/calf-syscalls';
import { dhcpFilter } from '@local-datastore/shared/confinement/filters/dhcp-filter';
import { mdnsFilter } from '@local-datastore/shared/confinement/filters/mdns-filter';
import { ntpFilter } from '@local-datastore/shared/confinement/filters/ntp-filter';
import { MDNS_PORT } from '@local-datastore/shared/dns-sd/service-types';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readSocketFilter, type SocketFilter } from '../lab/foreign-socket.ts';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { MAY_BE_OPEN, proveProcess } from '../lab/process-proof.ts';
import { startDatastore } from '../lab/programs.ts';
import { createServiceAgent, LOCAL, type ServiceAgent, treeOf } from '../lab/service-agent.ts';
import { askSocket } from '../lab/socket-request.ts';
import { traceProcess } from '../lab/traced-calls.ts';
import { describeWith } from '../requirements.ts';
import { makeImage } from './image-server.ts';

interface Process {
  readonly name: string;
  readonly pid: number | null;
  readonly state: string;
  readonly droppedDatagrams?: number;
}
/** A line of `ss` about a socket of a process. */
interface ShownSocket {
  readonly fd: number;
  readonly port: number;
  readonly drops: number;
}
const image = makeImage(40_000);
const other = makeImage(50_000, 'other');
const DATASTORE = '10.1.0.5';
/** One that is not there: its announcement is listened for all the time. */
const ABSENT = '7d2a4c0e-52c8-4b27-8c55-0d6f6f5f9d10';
const DATASTORES = [
  { id: LOCAL, dType: 'DsHttp', fqdn: 'http://ds.local', dpath: 'images' },
  { id: ABSENT, dType: 'DsHttp', fqdn: 'http://absent.local', dpath: 'images' },
];
const AWAITED = treeOf(3, 'c.img', makeImage(10), { dsIdsList: [ABSENT] });
/** A neighbour that sends datagrams to the group of multicast DNS. Arguments: its address, the payloads. */
const SENDER = `
  const socket = require('node:dgram').createSocket('udp4');
  const [address, ...payloads] = process.argv.slice(1);
  const next = () => payloads.length === 0 ? socket.close() : socket.send(payloads.shift(), 5353, '224.0.0.251', next);
  socket.bind(0, address, () => {
    socket.setMulticastInterface(address);
    next();
  });
`;

describeWith(['lab', 'root', 'strace'], 'each process without rights of a running agent', () => {
  let folder: string;
  let lab: Lab;
  let agent: ServiceAgent;
  let app: App;

  async function processes(): Promise<Process[]> {
    const status = await askSocket(join(agent.state, 'agent.sock'), '/v1/status');
    return (status as { processes: Process[] }).processes;
  }
  async function processOf(name: string): Promise<Process & { readonly pid: number }> {
    const found = (await processes()).find((each) => each.name === name);
    if (found === undefined || found.pid === null) throw new Error(`${name} does not run`);
    return { ...found, pid: found.pid };
  }
  /** What `ss` says of the sockets of UDP that a process has. */
  async function socketsOf(pid: number): Promise<ShownSocket[]> {
    const shown = await lab.host.mustRun(['ss', '-H', '-O', '-u', '-a', '-n', '-p', '-m']);
    return shown.split('\n').flatMap((line) => {
      const fd = new RegExp(`pid=${pid},fd=(\\d+)`).exec(line)?.[1];
      const port = /^\S+ +\d+ +\d+ +\S+:(\d+) /.exec(line)?.[1];
      const drops = /skmem:\(.*,d(\d+)\)/.exec(line)?.[1];
      return fd === undefined ? [] : [{ fd: Number(fd), port: Number(port), drops: Number(drops) }];
    });
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'in-force-'));
    await mkdir(join(folder, 'root', 'images'), { recursive: true });
    await writeFile(join(folder, 'root', 'images', 'a.img'), image);
    await writeFile(join(folder, 'root', 'images', 'b.img'), other);
    lab = await createLab();
    await lab.addBridge('bn1', '10.1.0.1/24');
    await lab.addBridge('bn2', '10.2.0.1/24');
    app = await lab.addApp({ name: 'ds', bridge: 'bn1', address: `${DATASTORE}/24` });
    const args = ['--root', join(folder, 'root'), '--state', join(folder, 'ds-state'), '--host-name', 'ds'];
    await startDatastore(app, args);
    agent = await createServiceAgent(lab, folder);
    await agent.configure([treeOf(1, 'a.img', image), AWAITED], DATASTORES);
    // Nobody answers to these: what asks for an address, or for the time, stays.
    await agent.start('--separation', '--dhcp', 'bn2', '--ntp', DATASTORE);
  });
  afterAll(async () => {
    await agent?.end('SIGTERM');
    await lab?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('has no right, no namespace of the agent, and no descriptor but what is documented', async () => {
    await agent.expectState(1, { State: 'VERIFIED', Error: '' });
    const own = agent.child()?.pid ?? 0;
    const found = await processes();
    expect(found.map(({ name }) => name)).toEqual(['net', 'verifier', 'dhcp-bn2', 'ntp']);
    const agentUid = (await proveProcess(own, own)).status.Uid?.split('\t')[0];
    const users = new Set<string>();
    for (const { name, pid } of found) {
      if (pid === null) throw new Error(`${name} does not run`);
      const proof = await proveProcess(pid, own);
      const { Uid: uid = '', Gid: gid, Groups: groups, ...rest } = proof.status;
      expect(rest, name).toMatchObject({
        ...{ CapInh: '0'.repeat(16), CapPrm: '0'.repeat(16), CapEff: '0'.repeat(16) },
        ...{ CapBnd: '0'.repeat(16), CapAmb: '0'.repeat(16), NoNewPrivs: '1', Seccomp: '2' },
      });
      // Real, effective, saved and of the file system: one, and neither the agent's nor another process's.
      expect([new Set(uid.split('\t')).size, gid, groups], name).toEqual([1, uid, '']);
      expect(uid.split('\t')[0], name).not.toBe(agentUid);
      users.add(uid);
      expect(proof.sharedNamespaces, name).toEqual([]);
      const others = [...proof.descriptors.values()].filter((target) => !MAY_BE_OPEN.test(target));
      expect(others, name).toEqual([]);
    }
    expect(users.size).toBe(found.length);
  });

  it('has sockets with filters that nobody can take off', async () => {
    await agent.expectState(1, { State: 'VERIFIED', Error: '' });
    for (const [name, filter] of [
      ['net', mdnsFilter()],
      ['ntp', ntpFilter(DATASTORE, 123)],
    ] as const) {
      const { pid } = await processOf(name);
      let filters: SocketFilter[] = [];
      const readFilters = async () => {
        const sockets = (await socketsOf(pid)).filter(({ port }) => name !== 'net' || port === MDNS_PORT);
        // One that asks is closed soon.
        filters = sockets.flatMap(({ fd }) => readSocketFilter(pid, fd) ?? []);
        return filters.length;
      };
      await expect.poll(readFilters).toBeGreaterThan(0);
      for (const each of filters)
        expect(each, name).toEqual({ program: encodeProgram(filter), isLocked: true });
    }
    // Of these `ss` shows the filter itself.
    const { pid } = await processOf('dhcp-bn2');
    const lines = await lab.host.mustRun(['ss', '-H', '-O', '-0', '-n', '-p', '-b']);
    const line = lines.split('\n').find((each) => each.includes(`pid=${pid},`)) ?? '';
    const [, count, shown = ''] = /bpf filter \((\d+)\): (.*?),?\s*$/.exec(line) ?? [];
    const link = await lab.host.mustRun(['ip', '-o', 'link', 'show', 'bn2']);
    const mac = /link\/ether (\S+)/.exec(link)?.[1]?.replaceAll(':', '') ?? '';
    const filter = dhcpFilter(Buffer.from(mac, 'hex'));
    expect(Number(count)).toBe(filter.length);
    const instructions = shown.split(',').map((each) => each.trim().split(' ').map(Number));
    const expected = encodeProgram(filter);
    expect(instructions).toEqual(
      filter.map((_, index) => {
        const at = 8 * index;
        return [
          ...[expected.readUInt16LE(at), expected[at + 2], expected[at + 3]],
          expected.readUInt32LE(at + 4),
        ];
      }),
    );
    const fd = Number(new RegExp(`pid=${pid},fd=(\\d+)`).exec(line)?.[1]);
    expect(readSocketFilter(pid, fd)).toEqual({ program: expected, isLocked: true });
  });

  it('calls nothing from its start on that its list does not hold, and hears nothing that a filter drops', async () => {
    const [own, { pid: before, droppedDatagrams: droppedBefore = 0 }] = [
      agent.child()?.pid ?? 0,
      await processOf('net'),
    ];
    const trace = await traceProcess(own, join(folder, 'trace'));
    process.kill(before, 'SIGKILL');
    const isNext = async () => {
      const { pid, state } = (await processes()).find(({ name }) => name === 'net') as Process;
      return state === 'running' && pid !== null && pid !== before;
    };
    await expect.poll(isNext).toBe(true);
    await agent.configure([treeOf(1, 'a.img', image), treeOf(2, 'b.img', other), AWAITED], DATASTORES);
    await agent.expectState(2, { State: 'VERIFIED', Error: '' });
    const { pid } = await processOf('net');
    await expect.poll(async () => (await socketsOf(pid)).map(({ port }) => port)).toContain(MDNS_PORT);
    await app.mustRun([
      'node',
      '-e',
      SENDER,
      DATASTORE,
      'too short',
      'too short',
      'long enough to be a message of DNS',
      'too short',
    ]);
    const droppedNow = async () => (await processOf('net')).droppedDatagrams ?? 0;
    await expect.poll(droppedNow).toBeGreaterThanOrEqual(droppedBefore + 3);
    const shown = (await socketsOf(pid)).reduce((sum, { drops }) => sum + drops, 0);
    expect(shown).toBeGreaterThanOrEqual(3);
    const threads = new Set((await readdir(`/proc/${pid}/task`)).map(Number));
    const calls = (await trace.end()).filter(({ thread }) => threads.has(thread));

    // Until then it is the launcher.
    const executed = calls.findLastIndex(({ name, result }) => name === 'execve' && result === '0');
    expect(executed).toBeGreaterThan(0);
    const itsOwn = calls.slice(executed + 1);
    const { allowed, allowedIf } = calfSyscalls({ executedPath: undefined, mayOpenToWrite: false });
    const known = new Set<string>([...allowed, ...Object.keys(allowedIf)]);
    const others = itsOwn.filter(({ name }) => !known.has(name));
    expect(others.filter(({ result }) => !/^-1 (?:EPERM|ENOSYS)$/.test(result))).toEqual([]);
    expect(new Set(itsOwn.map(({ name }) => name)).size).toBeGreaterThan(15);
    const heard = itsOwn.filter(({ name }) => name.startsWith('recv')).map(({ args }) => args);
    expect(heard.filter((args) => args.includes('long enough'))).not.toEqual([]);
    expect(heard.filter((args) => args.includes('too short'))).toEqual([]);
  });
});
