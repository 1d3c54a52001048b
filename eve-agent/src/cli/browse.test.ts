// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import type { ServiceInstance } from '../discovery/service-cache.ts';
import { hostTable } from './browse.ts';

const bridgeOf = (name: string) => ({ name, address: '10.1.0.1', cidr: '10.1.0.1/24' });
const instanceOf = (more: Partial<ServiceInstance>): ServiceInstance => ({
  ...{ bridge: bridgeOf('bn1'), instanceName: 'ds', service: 'http', hostName: 'ds.local' },
  ...{ addresses: ['10.1.0.5'], port: 80, txt: [] },
  ...more,
});

it('shows each host of a bridge in one row, with the URL that EVE would take', () => {
  const instances = [
    instanceOf({ service: 'workstation', port: 9 }),
    instanceOf({}),
    instanceOf({ service: 'https', port: 8443 }),
    instanceOf({
      bridge: bridgeOf('bn2'),
      hostName: 'DS.local',
      addresses: ['10.2.0.5', '10.2.0.6'],
      port: 8080,
    }),
    instanceOf({ instanceName: '\u001b]0;x', hostName: null, addresses: [], port: null }),
    instanceOf({ instanceName: '保存庫', hostName: '保存庫.local', service: 'workstation', port: 9 }),
  ];
  expect(hostTable(instances)).toBe(
    [
      'NAME          ADDRESS            BRIDGE  SERVICES                URL',
      'ds.local      10.1.0.5           bn1     workstation,http,https  https://ds.local:8443/',
      'DS.local      10.2.0.5,10.2.0.6  bn2     http                    http://DS.local:8080/',
      '\\027]0;x      -                  bn1     http                    -',
      '保存庫.local  10.1.0.5           bn1     workstation             -',
      '',
    ].join('\n'),
  );
});
