// SPDX-License-Identifier: Apache-2.0
import { silentLog } from '@local-datastore/shared/log';
import { createManualClock } from '@local-datastore/shared/manual-clock';
import { expect, test, vi } from 'vitest';
import { createAdvertiser, WATCH_INTERVAL_MS } from './advertiser.ts';
import type { HostResponderOptions } from './host-responder.ts';
import type { NetworkLink } from './network-links.ts';

const link = (name: string, address: string): NetworkLink => ({
  name,
  address,
  cidrs: [`${address}/24`],
  mac: '02:16:3e:00:00:05',
  isLoopback: name === 'lo',
  index: undefined,
});

function setUp(interfaces: readonly string[] = []) {
  const events: string[] = [];
  let links: NetworkLink[] = [link('lo', '127.0.0.1')];
  let failure: Error | undefined;
  const error = vi.fn();
  const clock = createManualClock();
  const passInterval = async () => {
    clock.advance(WATCH_INTERVAL_MS);
    await new Promise((resolve) => setImmediate(resolve));
  };
  const advertiser = createAdvertiser(
    {
      log: { ...silentLog, error },
      clock,
      listLinks() {
        if (failure !== undefined) throw failure;
        return links;
      },
      startHostResponder({ interfaceName, hostLabel, originOf }: HostResponderOptions) {
        events.push(`start ${hostLabel} on ${interfaceName}`);
        expect(originOf('10.1.0.1')).toBe(interfaceName === 'eth0' ? 'this-link' : 'other-link');
        return {
          announced: Promise.resolve(),
          conflict: new Promise(() => {}),
          async close() {
            events.push(`close ${interfaceName}`);
          },
        };
      },
      askForOwnAnswers: async () => [],
    },
    { hostLabel: 'ds', interfaces, services: [{ type: '_http._tcp', port: 80 }] },
  );
  return {
    advertiser,
    error,
    events,
    async see(...next: NetworkLink[]) {
      links = [link('lo', '127.0.0.1'), ...next];
      await passInterval();
    },
    async fail(next: Error | undefined) {
      failure = next;
      await passInterval();
    },
  };
}

test('follows interfaces that come, change and go', async () => {
  const { advertiser, events, see } = setUp();
  expect(advertiser.status().reasons).toContain('advertising has not been started');
  await advertiser.start();
  await advertiser.start();
  expect(advertiser.status()).toEqual({
    isReady: false,
    reasons: ['no network interface has an IPv4 address yet'],
    warnings: [],
    hostName: 'ds.local',
    interfaces: [],
  });

  await see(link('eth0', '10.1.0.5'), link('eth1', '10.2.0.5'));
  expect(advertiser.status()).toEqual({
    isReady: true,
    reasons: [],
    warnings: [],
    hostName: 'ds.local',
    interfaces: [
      {
        name: 'eth0',
        address: '10.1.0.5',
        addresses: ['10.1.0.5'],
        services: ['_http._tcp.local'],
        state: 'ready',
      },
      {
        name: 'eth1',
        address: '10.2.0.5',
        addresses: ['10.2.0.5'],
        services: ['_http._tcp.local'],
        state: 'ready',
      },
    ],
  });

  await see(link('eth0', '10.1.0.9'), link('eth1', '10.2.0.5'));
  await see(link('eth0', '10.1.0.9'));
  expect(events).toEqual([
    'start ds on eth0',
    'start ds on eth1',
    'close eth0',
    'start ds on eth0',
    'close eth1',
  ]);
  expect(advertiser.status().interfaces.map(({ address }) => address)).toEqual(['10.1.0.9']);

  await advertiser.stop();
  await advertiser.stop();
  expect(events.at(-1)).toBe('close eth0');
  await see(link('eth0', '10.1.0.9'));
  expect(events).toHaveLength(6);
});

test('names the interfaces it waits for and uses no others', async () => {
  const { advertiser, events, see } = setUp(['eth0', 'eth7']);
  await advertiser.start();
  await see(link('eth0', '10.1.0.5'), link('eth1', '10.2.0.5'));
  expect(events).toEqual(['start ds on eth0']);
  const { isReady, reasons } = advertiser.status();
  expect(isReady).toBe(false);
  expect(reasons).toEqual(['interface eth7 is absent, down or without an IPv4 address']);
  await advertiser.stop();
});

test('goes on when the interfaces cannot be listed for a moment', async () => {
  const { advertiser, error, events, fail, see } = setUp();
  await advertiser.start();
  await see(link('eth0', '10.1.0.5'));
  await fail(new Error('no netlink'));
  expect(error).toHaveBeenCalledOnce();
  await fail(undefined);
  expect(events).toEqual(['start ds on eth0']);
  expect(advertiser.status().isReady).toBe(true);
  await advertiser.stop();
});
