// SPDX-License-Identifier: Apache-2.0
import { silentLog } from '@local-datastore/shared/log';
import { createManualClock } from '@local-datastore/shared/manual-clock';
import { expect, test, vi } from 'vitest';
import type { HostResponder, HostResponderOptions, NameConflict } from './host-responder.ts';
import { ANNOUNCE_LIMIT_MS, createInterfaceAdvertisement, retryDelayMs } from './interface-advertisement.ts';
import type { AdvertisedLink } from './link-addresses.ts';
import type { ServiceInstance } from './service-instances.ts';

const link: AdvertisedLink = {
  name: 'eth0',
  address: '10.1.0.5',
  cidrs: ['10.1.0.5/24'],
  advertisedCidrs: ['10.1.0.5/24'],
  mac: '02:16:3e:00:00:05',
  isLoopback: false,
  index: 2,
};

/** A responder whose course the test decides. */
function createFakeResponder() {
  const announced = Promise.withResolvers<void>();
  const conflict = Promise.withResolvers<NameConflict>();
  const close = vi.fn(async () => {});
  const responder: HostResponder = { announced: announced.promise, conflict: conflict.promise, close };
  return { responder, announce: announced.resolve, collide: conflict.resolve, close };
}

/** The instance names that a responder was started with. */
const namesOf = ({ instances }: HostResponderOptions) => instances.map(({ instanceName }) => instanceName);

function setUp({ answers = [[]] as string[][], after = Promise.resolve() } = {}) {
  const responders: ReturnType<typeof createFakeResponder>[] = [];
  const clock = createManualClock();
  const started: HostResponderOptions[] = [];
  const warn = vi.fn();
  const askForOwnAnswers = vi.fn(async () => answers.shift() ?? []);
  const advertisement = createInterfaceAdvertisement(
    {
      log: { ...silentLog, warn },
      startHostResponder(options) {
        started.push(options);
        const fake = createFakeResponder();
        responders.push(fake);
        return fake.responder;
      },
      askForOwnAnswers,
      clock,
    },
    {
      link,
      hostLabel: 'ds',
      services: [{ type: '_http._tcp', port: 80 }],
      originOf: () => 'this-link',
      isOwnAddress: () => false,
      wasOwnAddress: () => false,
      after,
    },
  );
  /** Lets everything happen that needs no time. */
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  const responder = async (index: number) => {
    await settle();
    expect(responders.length).toBeGreaterThan(index);
    return responders[index] as ReturnType<typeof createFakeResponder>;
  };
  /** Lets a try's pause go by, which must last just so long. */
  const pause = async (expectedMs: number) => {
    await settle();
    const before = responders.length;
    clock.advance(expectedMs - 1);
    await settle();
    expect(responders).toHaveLength(before);
    clock.advance(1);
    await settle();
    expect(responders).toHaveLength(before + 1);
  };
  const reach = async (state: string) => {
    await settle();
    expect(advertisement.state).toBe(state);
  };
  return { advertisement, askForOwnAnswers, clock, pause, responder, responders, reach, started, warn };
}

test('is ready only after its own answer was seen', async () => {
  const { advertisement, askForOwnAnswers, responder, reach } = setUp();
  const { announce, close } = await responder(0);
  expect(advertisement.reason).toBe('ds.local is being announced on eth0');
  expect(askForOwnAnswers).not.toHaveBeenCalled();
  announce();
  await reach('ready');
  expect(advertisement.reason).toBeUndefined();
  expect(close).not.toHaveBeenCalled();
  await advertisement.stop();
  expect(close).toHaveBeenCalledOnce();
});

test.each(['before', 'after'])(
  'is silent after a conflict %s it was announced, then tries again',
  async (when) => {
    const { advertisement, responder, pause, reach, warn } = setUp();
    const first = await responder(0);
    if (when === 'after') {
      first.announce();
      await reach('ready');
    }
    first.collide({ otherAddress: '10.1.0.9' });
    await reach('conflict');
    expect(first.close).toHaveBeenCalledOnce();
    expect(advertisement.reason).toBe(
      '10.1.0.9 uses the name ds.local on eth0: stop it there or choose another',
    );
    expect(warn).toHaveBeenCalledWith(
      expect.objectContaining({ otherAddress: '10.1.0.9' }),
      expect.stringContaining('NAME CONFLICT'),
    );

    await pause(5000);
    (await responder(1)).announce();
    await reach('ready');
    await advertisement.stop();
  },
);

test('gives an instance another name when only that is taken, and goes on at once', async () => {
  const { advertisement, responder, reach, started, warn } = setUp();
  for (const index of [0, 1]) {
    const { collide } = await responder(index);
    collide({ otherAddress: '10.1.0.9', instance: started[index]?.instances[0] as ServiceInstance });
  }
  const { announce } = await responder(2);
  expect(started.map(namesOf)).toEqual([['ds'], ['ds #2'], ['ds #3']]);
  expect(warn).toHaveBeenCalledTimes(2);
  announce();
  await reach('ready');
  await advertisement.stop();
});

test('does not give names for ever, and starts over with its own', async () => {
  const { advertisement, responder, pause, reach, started } = setUp();
  for (let index = 0; index < 21; index += 1) {
    const { collide } = await responder(index);
    collide({ otherAddress: '10.1.0.9', instance: started[index]?.instances[0] as ServiceInstance });
  }
  await reach('conflict');
  expect(started).toHaveLength(21);
  expect(namesOf(started[20] as HostResponderOptions)).toEqual(['ds #21']);
  await pause(5000);
  (await responder(21)).announce();
  await reach('ready');
  expect(namesOf(started[21] as HostResponderOptions)).toEqual(['ds']);
  await advertisement.stop();
});

test('waits longer from failure to failure, and starts over once it was ready', async () => {
  const { advertisement, pause, responder, reach } = setUp();
  for (const [index, expectedMs] of [5000, 10_000, 20_000].entries()) {
    (await responder(index)).collide({ otherAddress: undefined });
    await reach('conflict');
    expect(advertisement.reason).toMatch(/^another host uses the name/);
    await pause(expectedMs);
  }
  const recovered = await responder(3);
  recovered.announce();
  await reach('ready');
  recovered.collide({ otherAddress: undefined });
  await pause(5000);
  await advertisement.stop();
});

test('tries anew when its own answer does not come', async () => {
  const { advertisement, pause, responder, reach } = setUp({ answers: [['_http._tcp.local'], []] });
  const first = await responder(0);
  first.announce();
  await reach('unanswered');
  expect(first.close).toHaveBeenCalledOnce();
  expect(advertisement.reason).toBe('our own answer for ds.local was not seen on eth0; trying again in 5 s');
  await pause(5000);
  (await responder(1)).announce();
  await reach('ready');
  await advertisement.stop();
});

test('tries anew, with new sockets, when it cannot be announced', async () => {
  const { advertisement, askForOwnAnswers, clock, pause, responder, reach } = setUp();
  const first = await responder(0);
  clock.advance(ANNOUNCE_LIMIT_MS);
  await reach('unanswered');
  expect(first.close).toHaveBeenCalledOnce();
  expect(askForOwnAnswers).not.toHaveBeenCalled();
  expect(advertisement.reason).toBe(
    'ds.local could not be announced on eth0: probes cannot be sent; trying again in 5 s',
  );
  // What the first one says when it is closed does not matter any more.
  first.announce();
  await pause(5000);
  await responder(1);
  await advertisement.stop();
  expect(askForOwnAnswers).not.toHaveBeenCalled();
});

test('starts after its predecessor is gone, and not at all when stopped before', async () => {
  const { promise: after, resolve } = Promise.withResolvers<void>();
  const { advertisement, responders } = setUp({ after });
  const stopped = advertisement.stop();
  resolve();
  await stopped;
  expect(responders).toEqual([]);
});

test('stops while it waits for the next try', async () => {
  const { advertisement, responder, reach, responders } = setUp();
  (await responder(0)).collide({ otherAddress: undefined });
  await reach('conflict');
  await advertisement.stop();
  await advertisement.stop();
  expect(responders).toHaveLength(1);
});

test('retries after 5 s at first and 60 s at last', () => {
  expect([1, 2, 3, 4, 5, 6, 100].map(retryDelayMs)).toEqual([
    5000, 10_000, 20_000, 40_000, 60_000, 60_000, 60_000,
  ]);
});
