// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { type BridgeSources, parseDefaultRouteInterfaces, selectBridges } from './bridges.ts';

const ROUTES = [
  'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT',
  'br-up\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0',
  'bn1\t0000010A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0',
  '',
].join('\n');

function sources(
  cidrs: Record<string, string>,
  kernelBridges: string[],
  routes = '',
  instances: ReturnType<BridgeSources['readNetworkInstances']> = [],
): BridgeSources {
  return {
    listAddresses: () =>
      Object.entries(cidrs).map(([interfaceName, cidr]) => ({
        interfaceName,
        address: cidr.split('/')[0] ?? '',
        cidr,
        mac: '02:00:00:00:00:01',
        isLoopback: interfaceName === 'lo',
      })),
    isKernelBridge: (name) => kernelBridges.includes(name),
    readRouteTable: () => routes,
    readNetworkInstances: () => instances,
  };
}

const DEVICE = {
  lo: '127.0.0.1/8',
  eth0: '192.0.2.7/24',
  'br-up': '172.17.0.9/16',
  docker0: '172.18.0.1/16',
  bn10: '10.10.0.1/24',
  bn2: '10.2.0.1/24',
  bn1: '10.1.0.1/24',
};
const DEVICE_BRIDGES = ['br-up', 'docker0', 'bn10', 'bn2', 'bn1'];

describe('the default routes', () => {
  test('are found by destination and mask', () => {
    expect(parseDefaultRouteInterfaces(ROUTES)).toEqual(new Set(['br-up']));
  });
  test('are none in an empty table', () => {
    expect(parseDefaultRouteInterfaces('')).toEqual(new Set());
  });
});

describe('without names', () => {
  test('kernel bridges are found, EVE’s first in the order of their numbers, without the uplink', () => {
    const found = selectBridges(sources(DEVICE, DEVICE_BRIDGES, ROUTES), []);
    expect(found.map(({ name }) => name)).toEqual(['bn1', 'bn2', 'bn10', 'docker0']);
    expect(found[0]).toEqual({ name: 'bn1', address: '10.1.0.1', cidr: '10.1.0.1/24' });
  });
  test('a host without a bridge is told what there is', () => {
    const none = sources(
      { lo: '127.0.0.1/8', eth0: '192.0.2.7/24', 'br-up': '172.17.0.9/16' },
      ['br-up'],
      ROUTES,
    );
    expect(() => selectBridges(none, [])).toThrow(
      expect.objectContaining({
        code: 'NO_BRIDGE',
        message:
          'no bridge with an IPv4 address was found on this host: there are eth0 (192.0.2.7/24, no bridge), ' +
          'br-up (172.17.0.9/16, an uplink). Name the interface to ask on with --bridge.',
      }),
    );
  });
});

test('a bridge that EVE does not name is said to be none of EVE’s', () => {
  const ofEve = {
    ...sources({ bn1: '10.1.0.1/24' }, ['bn1'], ''),
    readNetworkInstances: () => [{ bridgeName: 'bn9', bridgeAddress: '', assignedAddresses: [] }],
  };
  expect(() => selectBridges(ofEve, [])).toThrow('bn1 (10.1.0.1/24, of none of EVE’s network instances)');
});

describe('with names', () => {
  test('any interface will do, in the order given, once each', () => {
    const found = selectBridges(sources(DEVICE, DEVICE_BRIDGES, ROUTES), ['eth0', 'bn2', 'eth0']);
    expect(found.map(({ name }) => name)).toEqual(['eth0', 'bn2']);
  });
  test('one that does not exist is refused, and the message lists those that do', () => {
    const few = sources({ lo: '127.0.0.1/8', bn1: '10.1.0.1/24' }, ['bn1']);
    expect(() => selectBridges(few, ['bn7'])).toThrow(
      expect.objectContaining({
        code: 'NO_BRIDGE',
        message:
          'bridge "bn7" does not exist, is down or has no IPv4 address: there are bn1 (10.1.0.1/24). ' +
          'Name an interface that is up and has an IPv4 address.',
        details: { interfaces: ['bn1 (10.1.0.1/24)'] },
      }),
    );
  });
  test('a host without any interface says so', () => {
    expect(() => selectBridges(sources({}, []), ['bn1'])).toThrow('there is none');
  });
});

describe('where EVE runs', () => {
  const instances = [
    { bridgeName: 'bn2', bridgeAddress: '10.2.0.1', assignedAddresses: ['10.2.0.5'] },
    { bridgeName: 'bn7', bridgeAddress: '', assignedAddresses: [] },
  ];

  test('the bridges are those of its network instances, with what it gave to apps', () => {
    expect(selectBridges(sources(DEVICE, DEVICE_BRIDGES, '', instances), [])).toEqual([
      {
        ...{ name: 'bn2', address: '10.2.0.1', cidr: '10.2.0.1/24' },
        ...{ assignedAddresses: ['10.2.0.5'], eveAddress: '10.2.0.1' },
      },
    ]);
  });

  test('others are still asked on when they are named', () => {
    expect(selectBridges(sources(DEVICE, DEVICE_BRIDGES, '', instances), ['bn1'])).toEqual([
      { name: 'bn1', address: '10.1.0.1', cidr: '10.1.0.1/24' },
    ]);
  });
});
