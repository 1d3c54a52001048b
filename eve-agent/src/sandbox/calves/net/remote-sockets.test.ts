// SPDX-License-Identifier: Apache-2.0
import { createSocket } from 'node:dgram';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { MulticastSocket } from '../../../network/multicast-socket.ts';
import type { Asks } from '../../exchange/asks.ts';
import { createRemoteSockets } from './remote-sockets.ts';

const PLACE = { address: '10.1.0.1', port: 5353, ipTtl: 255 };
const JOIN = { kind: 'join', address: PLACE.address };
let asked: object[];
let opened: MulticastSocket[];
/** Of joining, in turn; then it succeeds. */
let refusals: Error[];

beforeEach(() => {
  asked = [];
  opened = [];
  refusals = [];
});
afterEach(() => Promise.all(opened.map((each) => each.close())));

async function open(port = PLACE.port, given: Promise<void> = Promise.resolve()): Promise<MulticastSocket> {
  const ask: Asks['ask'] = async (what) => {
    asked.push(what);
    if ((what as typeof JOIN).kind !== 'join') {
      await given;
      return { value: {}, handle: createSocket('udp4') };
    }
    const refusal = refusals.shift();
    if (refusal !== undefined) throw refusal;
    return { value: {}, handle: null };
  };
  const socket = await createRemoteSockets({ ask, hold: () => expect.unreachable() }).openAsking({
    ...PLACE,
    port,
  });
  opened.push(socket);
  return socket;
}

it('are asked for, and the group joined, both at once', async () => {
  const given = Promise.withResolvers<void>();
  const opening = open(PLACE.port, given.promise);
  await expect.poll(() => asked).toContainEqual(JOIN);
  given.resolve();
  expect(await (await opening).join()).toBeUndefined();
  expect(asked).toEqual([JOIN, { kind: 'asking-socket', address: PLACE.address, isOwnPort: false }]);
});

it('say why the group cannot be joined, and join it later', async () => {
  refusals = [new Error('no'), new Error('not yet')];
  const socket = await open();
  expect([await socket.join(), await socket.join(), await socket.join()]).toEqual([
    'no',
    'not yet',
    undefined,
  ]);
  expect(asked.filter((what) => (what as typeof JOIN).kind === 'join')).toHaveLength(3);
});

it('join nothing from a port of their own', async () => {
  await open(0);
  expect(asked).toEqual([{ kind: 'asking-socket', address: PLACE.address, isOwnPort: true }]);
});
