// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { ContainerSpec, MachineParts, MachinePort } from '../engine/container-spec.ts';
import { isMachineName, machineRecordSchema, readMachineFacts } from './machine-record.ts';

const MIB = 1024 * 1024;
const PORT: MachinePort = { Protocol: 'tcp', HostPort: 8080, Port: 80, Network: 0 };
const spec = (parts: Partial<ContainerSpec> = {}, host: ContainerSpec['HostConfig'] = {}): ContainerSpec => ({
  ...{ Image: 'a:1', ...parts },
  HostConfig: { Memory: 64 * MIB, ...host },
});
const withMachine = (Machine: MachineParts) => spec({ Machine });
const endpoint = (settings: object) => spec({ NetworkingConfig: { EndpointsConfig: { bn1: settings } } });
const withPort = (...ports: readonly Partial<MachinePort>[]) => ({
  ...endpoint({}),
  Machine: { Ports: ports.map((port) => ({ ...PORT, ...port })) },
});

describe('what is read of a machine', () => {
  it('has whole processors and MiB, and its own time to stop', () => {
    expect(readMachineFacts(spec({}, { Memory: 64 * MIB + 1, NanoCpus: 1.5e9 }))).toMatchObject({
      ...{ memoryMib: 65, cpus: 2, stopSeconds: 60, networks: [], volumes: [], diskBytes: 0, firmware: null },
    });
    expect(readMachineFacts(spec({ StopTimeout: 0 }))).toMatchObject({ stopSeconds: 0, cpus: 1 });
    expect(readMachineFacts(spec({ StopTimeout: -1 })).stopSeconds).toBe(3600);
  });

  it('has the networks that are named, or the one of its mode', () => {
    expect(readMachineFacts(spec({}, { NetworkMode: 'none' })).networks).toEqual([]);
    expect(readMachineFacts(spec({}, { NetworkMode: 'bn1' })).networks).toEqual([
      { bridge: 'bn1', address: '', mac: null },
    ]);
    const settings = { IPAMConfig: { IPv4Address: '10.1.0.7' }, MacAddress: '02-AB-00-00-00-01' };
    expect(readMachineFacts(endpoint(settings)).networks).toEqual([
      { bridge: 'bn1', address: '10.1.0.7', mac: '02:ab:00:00:00:01' },
    ]);
  });

  it('has volumes in their order', () => {
    const Volumes = [
      { Name: 'b', Size: 5 },
      { Name: 'a', Image: 'x:1', ReadOnly: true },
    ];
    expect(readMachineFacts(withMachine({ Volumes })).volumes).toEqual([
      { name: 'b', image: null, sizeBytes: 5, isReadOnly: false },
      { name: 'a', image: 'x:1', sizeBytes: 0, isReadOnly: true },
    ]);
  });

  it('has ports of the host that lead to it, each to one of its networks', () => {
    const Ports = [
      { Protocol: 'tcp', HostPort: 8080, Port: 80, Network: 0 },
      { Protocol: 'udp', HostPort: 8080, Port: 80, Network: 0 },
    ] as const;
    expect(readMachineFacts({ ...endpoint({}), Machine: { Ports } }).ports).toEqual(Ports);
  });

  it.each<[string, ContainerSpec, RegExp]>([
    ['ports', spec({}, { PortBindings: { '80/tcp': [] } }), /ports of a machine/],
    ['all ports', spec({}, { PublishAllPorts: true }), /ports of a machine/],
    ['a port that is none', withPort({ HostPort: 0 }), /tcp port 0 cannot lead to the port 80/],
    ['a port beyond all', withPort({ Port: 65_536 }), /cannot lead to the port 65536/],
    ['a port of another protocol', withPort({ Protocol: 'sctp' as never }), /cannot lead/],
    ['a port of a network that it has not', withPort({ Network: 1 }), /network that the machine is not on/],
    ['a port twice', withPort({}, {}), /two places/],
    ['too many ports', withPort(...Array.from({ length: 129 }, (_, i) => ({ HostPort: i + 1 }))), /128/],
    ['a folder', spec({}, { Binds: ['/:/host'] }), /no folder/],
    ['a mount', spec({}, { Mounts: [{ Type: 'volume', Target: '/mnt' }] }), /no folder/],
    ['no memory', spec({}, { Memory: 0 }), /from 16 MiB/],
    ['too little memory', spec({}, { Memory: 15 * MIB }), /from 16 MiB/],
    ['memory that is no number', spec({}, { Memory: Number.NaN }), /from 16 MiB/],
    ['too many processors', spec({}, { NanoCpus: 1e12 }), /at most 255/],
    ['a bridge with a comma', spec({}, { NetworkMode: 'a,b' }), /name of a bridge/],
    ['a bridge with a long name', spec({}, { NetworkMode: 'a'.repeat(16) }), /name of a bridge/],
    ['a MAC with options', endpoint({ MacAddress: '02:00:00:00:00:01,x=y' }), /no MAC/],
    ['an address that is none', endpoint({ IPAMConfig: { IPv4Address: '10.1' } }), /no IPv4/],
    [
      'a volume that leads elsewhere',
      withMachine({ Volumes: [{ Name: '../x', Size: 1 }] }),
      /name of a volume/,
    ],
    ['a blank volume without a size', withMachine({ Volumes: [{ Name: 'x' }] }), /needs a size/],
    [
      'a volume twice',
      withMachine({
        Volumes: [
          { Name: 'x', Size: 1 },
          { Name: 'x', Size: 1 },
        ],
      }),
      /twice/,
    ],
    ['a size below nothing', withMachine({ DiskSize: -1 }), /cannot have -1 bytes/],
    ['a size beyond all', withMachine({ DiskSize: 2 ** 60 }), /cannot have/],
  ])('%s: refused', (_what, wanted, why) => {
    expect(() => readMachineFacts(wanted)).toThrow(why);
  });

  it('is named as containers are', () => {
    expect(['eve_a.new', 'a', ''].map(isMachineName)).toEqual([true, true, false]);
    expect(['../a', 'a/b', '.a', 'a'.repeat(300)].map(isMachineName)).toEqual([false, false, false, false]);
  });

  it('a record is read as it was written', () => {
    const record = {
      ...{
        id: '00000000-0000-4000-8000-000000000001',
        name: 'a',
        slot: 3,
        imageId: 'sha256:a',
        format: 'raw',
      },
      ...{ spec: spec({ Labels: { a: 'b' }, Machine: { DiskSize: 5 } }), restart: { Name: 'always' } },
      ...{
        isWanted: true,
        isLive: false,
        gaveUpIn: null,
        startedAt: '',
        exitCode: 0,
        error: '',
        restartCount: 0,
      },
    };
    expect(machineRecordSchema.parse(JSON.parse(JSON.stringify(record)))).toEqual(record);
    expect(machineRecordSchema.safeParse({ ...record, id: '../x' }).success).toBe(false);
  });
});
