// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { AppIntent } from '../../launch/apps/app-intent.ts';
import { networkName } from '../../launch/apps/container-of-app.ts';
import { diagnosisText } from '../report.ts';
import type { HostFacts } from './host-facts.ts';
import { judgeApp, type Prepared } from './judge-app.ts';
import { parseTakenPorts } from './read-host.ts';

const BN1 = { name: 'bn1', cidr: '10.1.0.1/24', displayName: '' };
const NETWORK = { bridge: BN1, address: null, mac: null, portMaps: [] };
const PORT = { protocol: 'tcp', hostPort: 8080, appPort: 80 } as const;
const intentOf = (more: object = {}) =>
  ({
    ...{
      kind: 'container',
      uuid: 'u1',
      displayName: 'web',
      isActive: true,
      networks: [NETWORK],
      volumes: [],
    },
    ...{ memoryBytes: null, cpuCount: null, environment: [], warnings: [], root: { tree: null } },
    ...more,
  }) as unknown as AppIntent;
const VM = { kind: 'vm', memoryBytes: 2 ** 28, diskFormat: 'raw', isUefi: false, userData: null };
const network = (more: object = {}) => ({
  ...{ name: networkName(BN1), subnets: ['10.1.0.0/24'], madeFor: 'bn1', holders: new Map() },
  ...more,
});
const ENGINE = {
  ...{ kind: 'there', api: 41, cpuCount: 2, memoryBytes: 2 ** 32, networks: [network()], ports: new Map() },
} as const;
const hostOf = (more: Partial<HostFacts> = {}, engine: object = {}): HostFacts => ({
  ...{ bridges: [BN1], memoryBytes: 2 ** 32, listening: new Set(), neighbours: new Map() },
  isForwarding: true,
  engine: { ...ENGINE, ...engine } as HostFacts['engine'],
  machines: { kind: 'there', summary: 'qemu 7', isFast: true, whyNoUefi: null },
  ...more,
});
const SPEC: Prepared = { kind: 'spec', spec: { Image: '', HostConfig: {} } };

function codesOf(intent: AppIntent, host = hostOf(), earlier: readonly AppIntent[] = []): string[] {
  const { findings } = judgeApp(intent, { prepared: SPEC, host, earlier, content: [] });
  return findings.map(({ code, verdict }) => code + (verdict === 'problem' ? '!' : ''));
}

describe('an app', () => {
  const fixed = (address: string) => intentOf({ networks: [{ ...NETWORK, address }] });
  const mapped = (more: object = {}) => intentOf({ networks: [{ ...NETWORK, portMaps: [PORT] }], ...more });
  const held = (container: string) => ({
    networks: [network({ holders: new Map([['10.1.0.9', container]]) })],
  });
  const published = (container: string) => ({ ports: new Map([['tcp 8080', container]]) });

  it.each<[string, AppIntent, HostFacts, readonly string[]]>([
    ['can be launched', intentOf(), hostOf(), []],
    ['needs an engine', intentOf(), hostOf({ engine: { kind: 'away', why: 'x' } }), ['no-engine!']],
    ['has a free address', fixed('10.1.0.9'), hostOf(), []],
    ['has its own address', fixed('10.1.0.9'), hostOf({}, held('eve_u1')), []],
    ['has the address of another', fixed('10.1.0.9'), hostOf({}, held('db')), ['address-taken!']],
    ['has that of the bridge', fixed('10.1.0.1'), hostOf(), ['address-of-bridge!']],
    [
      'has one that something answered at',
      fixed('10.1.0.9'),
      hostOf({ neighbours: new Map([['bn1', ['10.1.0.9']]]) }),
      ['address-seen'],
    ],
    [
      'has a port of its own',
      mapped(),
      hostOf({ listening: new Set(['tcp 8080']) }, published('eve_u1')),
      [],
    ],
    ['has a port of another container', mapped(), hostOf({}, published('db')), ['port-taken!']],
    ['has a port of a program', mapped(), hostOf({ listening: new Set(['tcp 8080']) }), ['port-taken!']],
    ['has a port whose other protocol is taken', mapped(), hostOf({ listening: new Set(['udp 8080']) }), []],
    [
      'meets a network that is not ours',
      intentOf(),
      hostOf({}, { networks: [network({ madeFor: null })] }),
      ['network-foreign!'],
    ],
    [
      'meets one that overlaps',
      intentOf(),
      hostOf({}, { networks: [network({ name: 'x', subnets: ['10.0.0.0/8'], madeFor: null })] }),
      ['network-overlaps!'],
    ],
    ['wants more processors', intentOf({ cpuCount: 3 }), hostOf(), ['processors!']],
    ['wants more memory', intentOf({ memoryBytes: 2 ** 33 }), hostOf(), ['memory']],
    [
      'is told what is left out',
      intentOf({ warnings: ['nothing is done by snapshot'] }),
      hostOf(),
      ['unused'],
    ],
    ['is a VM', intentOf(VM), hostOf(), []],
    ['is a VM with a port', mapped(VM), hostOf(), []],
    ['is a VM with a port of a container', mapped(VM), hostOf({}, published('db')), ['port-taken!']],
    [
      'is a VM with a port that something has, perhaps its own agent',
      mapped(VM),
      hostOf({ listening: new Set(['tcp 8080']) }),
      ['port-held'],
    ],
    [
      'is a VM with a port of a host that passes nothing on',
      mapped(VM),
      hostOf({ isForwarding: false }),
      ['no-forwarding'],
    ],
    ['is a VM without ports on such a host', intentOf(VM), hostOf({ isForwarding: false }), []],
    [
      'is a VM without an engine of containers',
      intentOf(VM),
      hostOf({ engine: { kind: 'away', why: 'x' } }),
      [],
    ],
    [
      'is a VM without qemu',
      intentOf(VM),
      hostOf({ machines: { kind: 'none', why: 'no qemu', advice: 'install it' } }),
      ['no-machines!'],
    ],
    [
      'is a VM that wants UEFI, on a host without it, without KVM and with little memory',
      intentOf({ ...VM, isUefi: true }),
      hostOf({
        memoryBytes: 2 ** 20,
        machines: { kind: 'there', summary: '', isFast: false, whyNoUefi: 'no' },
      }),
      ['no-uefi!', 'no-kvm', 'memory'],
    ],
  ])('%s', (_what, intent, host, codes) => {
    expect(codesOf(intent, host)).toEqual(codes);
  });

  it('is in the way of none that comes before it', () => {
    const earlier = [
      intentOf({
        uuid: 'u0',
        displayName: 'db',
        networks: [{ ...NETWORK, address: '10.1.0.9', portMaps: [PORT] }],
      }),
    ];
    expect(codesOf(fixed('10.1.0.9'), hostOf(), earlier)).toEqual(['address-twice!']);
    expect(codesOf(mapped(), hostOf(), earlier)).toEqual(['port-twice!']);
    expect(codesOf(fixed('10.1.0.8'), hostOf(), earlier)).toEqual([]);
    // What is halted, or no container, the engine has nothing of.
    const others = earlier.map((each) => ({ ...each, isActive: false }) as AppIntent);
    expect(codesOf(fixed('10.1.0.9'), hostOf(), others)).toEqual(['address-twice']);
    const machines = earlier.map((each) => ({ ...each, ...VM }) as AppIntent);
    expect(codesOf(fixed('10.1.0.9'), hostOf(), machines)).toEqual(['address-twice']);
    // A port is the host's own.
    expect(codesOf(mapped(), hostOf(), machines)).toEqual(['port-twice!']);
    expect(codesOf(mapped(), hostOf(), others)).toEqual(['port-twice']);
  });

  it('that cannot be read, or whose arguments are refused, says why', () => {
    const unusable = { kind: 'unusable', uuid: 'u', displayName: 'x', problems: ['a', 'b'] } as const;
    expect(codesOf(unusable)).toEqual(['configuration!', 'configuration!']);
    const prepared = { kind: 'refused', why: 'no' } as const;
    const { verdict, findings } = judgeApp(intentOf(), {
      prepared,
      host: hostOf(),
      earlier: [],
      content: [],
    });
    expect([verdict, findings[0]?.message]).toEqual(['problem', 'no']);
  });

  it('has a name that ends no line, and acts on no terminal', () => {
    const displayName = 'x\n\u001b[2Jok       y';
    const result = judgeApp(intentOf({ displayName, cpuCount: 3 }), {
      ...{ prepared: SPEC, host: hostOf(), earlier: [], content: [] },
    });
    const diagnosis = { url: '', isUsable: true, judgedFor: 'eve-agent', exitCode: 0 } as const;
    const text = diagnosisText({ ...diagnosis, verdict: `not ${displayName}`, checks: [result] });
    expect(text).not.toContain('\u001b');
    expect(text.split('\n').filter((line) => line.startsWith('ok'))).toEqual([]);
  });

  it('tells what it would be', () => {
    const volumes = [{ volume: { uuid: 'V', generationCount: 2 } }];
    const { summary } = judgeApp(intentOf({ volumes, isActive: false }), {
      ...{ prepared: SPEC, host: hostOf(), earlier: [], content: [] },
    });
    expect(summary).toBe(
      'a container, on bn1, with the volumes eve_u1_v_2, which are made where they are not there, not to run (activate)',
    );
  });
});

it('ports that are taken are those that are listened on, and all of UDP', () => {
  const head = '  sl  local_address rem_address   st tx_queue rx_queue';
  const tcp = [
    head,
    '   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000',
    '   1: 0100007F:C350 0100007F:1F90 01 00000000:00000000 00:00000000',
    '   2: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A',
    '',
  ].join('\n');
  expect(parseTakenPorts('tcp', tcp)).toEqual(['tcp 8080', 'tcp 80']);
  expect(parseTakenPorts('udp', `${head}\n   0: 00000000:14E9 00000000:0000 07\n`)).toEqual(['udp 5353']);
  expect(parseTakenPorts('tcp', '')).toEqual([]);
});
