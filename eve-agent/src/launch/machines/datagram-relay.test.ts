// SPDX-License-Identifier: Apache-2.0
/** Datagrams that are passed on, and what becomes of those who sent them. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createManualClock, type ManualClock } from '@local-datastore/shared/manual-clock';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  createDatagramRelay,
  type DatagramRelay,
  FLOW_IDLE_MS,
  MAX_FLOWS,
  type Sender,
  type Target,
} from './datagram-relay.ts';

interface Place {
  readonly socket: Socket;
  readonly target: Target;
  /** What came, with the port that it came from. */
  readonly heard: { readonly words: string; readonly from: number }[];
}

let first: Place;
let second: Place;
let target: Target | null;
let clock: ManualClock;
let relay: DatagramRelay;
const answers: { readonly words: string; readonly to: Sender }[] = [];

/** It answers what it is told. */
async function openPlace(): Promise<Place> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const heard: Place['heard'] = [];
  socket.on('message', (datagram, { port, address }) => {
    heard.push({ words: String(datagram), from: port });
    socket.send(`answer to ${datagram}`, port, address);
  });
  return { socket, heard, target: { address: '127.0.0.1', port: socket.address().port } };
}

const sender = (port: number): Sender => ({ address: '::1', port });
const take = (words: string, port: number) => relay.take(Buffer.from(words), sender(port));
/** Until so many answers have come. */
const answered = (count: number) => expect.poll(() => answers.length, { interval: 5 }).toBe(count);
const sendersOf = ({ heard }: Place) => new Set(heard.map(({ from }) => from));

beforeEach(async () => {
  [first, second] = [await openPlace(), await openPlace()];
  ({ target } = first);
  clock = createManualClock();
  answers.length = 0;
  relay = createDatagramRelay({
    whereTo: () => target,
    answer: (datagram, to) => void answers.push({ words: String(datagram), to }),
    clock,
  });
});
afterEach(() => {
  relay.close();
  for (const { socket } of [first, second]) socket.close();
});

it('come from one port as long as one sender speaks, and answers go to who asked', async () => {
  take('one', 1);
  take('two', 2);
  await answered(2);
  take('three', 1);
  await answered(3);
  expect(answers).toEqual(
    expect.arrayContaining([
      { words: 'answer to one', to: sender(1) },
      { words: 'answer to two', to: sender(2) },
      { words: 'answer to three', to: sender(1) },
    ]),
  );
  expect(sendersOf(first).size).toBe(2);
});

it('are let go while there is nothing behind, and go where it is then', async () => {
  target = null;
  take('lost', 1);
  ({ target } = first);
  take('one', 1);
  await answered(1);
  ({ target } = second);
  take('two', 1);
  await answered(2);
  expect([first, second].map(({ heard }) => heard.map(({ words }) => words))).toEqual([['one'], ['two']]);
});

it('of somebody else are no answers', async () => {
  take('one', 1);
  await answered(1);
  const [{ from } = { from: 0 }] = first.heard;
  second.socket.send('not asked for', from, '127.0.0.1');
  take('two', 1);
  await answered(2);
  expect(answers.map(({ words }) => words)).toEqual(['answer to one', 'answer to two']);
});

it('who says nothing for long is forgotten, and who is answered is not', async () => {
  take('one', 1);
  await answered(1);
  clock.advance(FLOW_IDLE_MS - 1);
  take('two', 1);
  await answered(2);
  clock.advance(FLOW_IDLE_MS - 1);
  expect([clock.pendingTimers(), sendersOf(first).size]).toEqual([1, 1]);
  clock.advance(1);
  expect(clock.pendingTimers()).toBe(0);
  take('three', 1);
  await answered(3);
});

it('of many senders those are kept who spoke last', async () => {
  take('first', 0);
  await answered(1);
  for (let port = 1; port < MAX_FLOWS; port += 1) take('more', port);
  await answered(MAX_FLOWS);
  take('again', 0);
  take('one too many', MAX_FLOWS);
  await answered(MAX_FLOWS + 2);
  expect(clock.pendingTimers()).toBe(MAX_FLOWS);
  const portOf = (wanted: string) => first.heard.find(({ words }) => words === wanted)?.from;
  expect(portOf('again')).toBe(portOf('first'));
});

it('nothing of it is left once it is closed', async () => {
  take('one', 1);
  await answered(1);
  relay.close();
  expect(clock.pendingTimers()).toBe(0);
});
