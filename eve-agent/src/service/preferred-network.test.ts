// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { parseRegistryImage } from '../registry/image-reference.ts';
import type { ImageRequest } from '../registry/image-way.ts';
import { hostPlatform } from '../registry/resolve-image.ts';
import type { NetworkSide } from './network-side.ts';
import { createPreferredNetwork } from './preferred-network.ts';

const URL_OF_IT = new URL('http://ds.local/');
const IMAGE: ImageRequest = {
  image: parseRegistryImage('docker://ds.local/app:1'),
  ...{ wish: hostPlatform('x64'), authorization: null, ca: null },
};

/** A side that says who was asked, and runs until it is stopped. */
function scriptedSide(name: string, told: string[]): NetworkSide {
  const answer = (what: string) => {
    told.push(`${name} ${what}`);
    throw new Error(name);
  };
  return {
    steps: {
      download: async () => answer('downloads'),
      resolve: async () => answer('resolves'),
      probe: async () => `${name} probes`,
    },
    openImage: async () => answer('opens images'),
    findLocal: async (host) => `${name} finds ${host}`,
    processes: () => [],
    separation: () => (name === 'own' ? { state: 'off', reason: 'because' } : { state: 'on', reason: null }),
    async run(_, signal) {
      told.push(`${name} runs`);
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
      told.push(`${name} has ended`);
    },
  };
}

function setUp(isRequired = false) {
  const told: string[] = [];
  const began = Promise.withResolvers<string | null>();
  const stop = new AbortController();
  const network = createPreferredNetwork({
    separate: { ...scriptedSide('separate', told), began: began.promise },
    openOwn: isRequired
      ? null
      : (reason) => {
          told.push(`own for: ${reason}`);
          return scriptedSide('own', told);
        },
  });
  const running = network.run({ hosts: () => new Set(), onSeen() {} }, stop.signal);
  const probe = () => network.steps.probe(URL_OF_IT, stop.signal);
  return { told, began, stop, network, running, probe };
}

it('is the separate one where that begins, for what was asked before, too', async () => {
  const { told, began, stop, network, running, probe } = setUp();
  const early = probe();
  began.resolve(null);
  expect(await Promise.all([early, probe()])).toEqual(['separate probes', 'separate probes']);
  expect(await network.findLocal('ds.local', stop.signal)).toBe('separate finds ds.local');
  expect(network.separation().state).toBe('on');
  stop.abort();
  await running;
  expect(told).toEqual(['separate runs', 'separate has ended']);
});

it('is this process’s own where that does not begin, after the other has ended', async () => {
  const { told, began, stop, network, running, probe } = setUp();
  const early = probe();
  began.resolve('the kernel refused it');
  expect(await Promise.all([early, probe()])).toEqual(['own probes', 'own probes']);
  expect(network.separation()).toEqual({ state: 'off', reason: 'because' });
  stop.abort();
  await running;
  expect(told).toEqual([
    ...['separate runs', 'separate has ended', 'own for: the kernel refused it', 'own runs', 'own has ended'],
  ]);
});

it.each([
  [null, 'separate'],
  ['the kernel refused it', 'own'],
])('opens images by the one that it is, for who asked before, too', async (reason, name) => {
  const { told, began, stop, network, running } = setUp();
  const early = network.openImage(IMAGE, stop.signal);
  began.resolve(reason);
  await expect(early).rejects.toThrow(name);
  expect(told).toContain(`${name} opens images`);
  stop.abort();
  await running;
});

it.each<[string, (network: NetworkSide, signal: AbortSignal) => Promise<unknown>]>([
  ['a host that is looked for', (network, signal) => network.findLocal('ds.local', signal)],
  ['a probe', (network, signal) => network.steps.probe(URL_OF_IT, signal)],
  ['an image that is opened', (network, signal) => network.openImage(IMAGE, signal)],
])('lets go of what is given up before it is known: %s', async (_what, ask) => {
  const { told, began, stop, network, running } = setUp();
  const patience = new AbortController();
  const early = ask(network, patience.signal);
  patience.abort(new Error('given up'));
  await expect(early).rejects.toThrow('given up');
  began.resolve(null);
  stop.abort();
  await running;
  expect(told).toEqual(['separate runs', 'separate has ended']);
});

it('ends with the reason where that does not begin, and it has to', async () => {
  const { told, began, running, probe } = setUp(true);
  const early = probe();
  began.resolve('the kernel refused it');
  const reason = 'no process without rights can be had here: the kernel refused it';
  await expect(running).rejects.toThrow(reason);
  await expect(early).rejects.toThrow(reason);
  expect(told).toEqual(['separate runs', 'separate has ended']);
});

it.each([false, true])('is stopped before it is known: required %s', async (isRequired) => {
  const { told, began, stop, running } = setUp(isRequired);
  stop.abort();
  began.resolve('it was stopped');
  await running;
  expect(told).toEqual(['separate runs', 'separate has ended']);
});
