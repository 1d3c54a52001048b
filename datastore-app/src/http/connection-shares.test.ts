// SPDX-License-Identifier: Apache-2.0
import { EventEmitter } from 'node:events';
import { expect, it } from 'vitest';
import { type CountedSocket, createConnectionShares, sharesOf } from './connection-shares.ts';

let lastPort = 0;

function fakeSocket(remoteAddress = '10.1.0.5') {
  lastPort += 1;
  const socket = Object.assign(new EventEmitter(), {
    remoteAddress,
    remotePort: lastPort,
    isDestroyed: false,
    destroy() {
      if (socket.isDestroyed) return socket;
      socket.isDestroyed = true;
      socket.emit('close');
      return socket;
    },
  });
  return socket as unknown as CountedSocket & { readonly isDestroyed: boolean };
}

const LIMITS = { maxOpen: 4, maxWaiting: 2 };

it('closes the one that has waited longest, where more wait than may', () => {
  const shares = createConnectionShares(LIMITS);
  const [first, second, third] = [fakeSocket(), fakeSocket(), fakeSocket()];
  expect([first, second, third].map((socket) => shares.open(socket))).toEqual([false, false, true]);
  expect([first, second, third].map(({ isDestroyed }) => isDestroyed)).toEqual([true, false, false]);
});

it('lets requests that are answered be, and refuses a connection beyond the share', () => {
  const shares = createConnectionShares(LIMITS);
  const busy = Array.from({ length: 4 }, () => fakeSocket());
  for (const socket of busy) {
    expect(shares.open(socket)).toBe(false);
    shares.begin(socket);
  }
  const beyond = fakeSocket();
  expect(shares.open(beyond)).toBe(true);
  expect(beyond.isDestroyed).toBe(true);
  expect(busy.some(({ isDestroyed }) => isDestroyed)).toBe(false);
});

it('takes a connection that waits between two requests before one that is new', () => {
  const shares = createConnectionShares(LIMITS);
  const sockets = Array.from({ length: 4 }, () => fakeSocket());
  for (const socket of sockets) {
    shares.open(socket);
    shares.begin(socket);
  }
  const [idle] = sockets;
  if (idle !== undefined) shares.end(idle);
  const next = fakeSocket();
  expect(shares.open(next)).toBe(true);
  expect([idle?.isDestroyed, next.isDestroyed]).toEqual([true, false]);
});

it('counts what is closed no more', () => {
  const shares = createConnectionShares(LIMITS);
  for (let count = 0; count < 20; count += 1) {
    const socket = fakeSocket();
    expect(shares.open(socket)).toBe(false);
    shares.begin(socket);
    socket.destroy();
  }
});

it.each([
  ['another address', '10.1.0.6', false],
  ['the same address, mapped', '::ffff:10.1.0.5', true],
])('counts %s by itself: %s', (_, address, isSame) => {
  const shares = createConnectionShares({ maxOpen: 1, maxWaiting: 1 });
  shares.open(fakeSocket());
  expect(shares.open(fakeSocket(address))).toBe(isSame);
});

it('counts the neighbours of an IPv6 network together', () => {
  const shares = createConnectionShares({ maxOpen: 1, maxWaiting: 1 });
  shares.open(fakeSocket('fd00::1'));
  expect(shares.open(fakeSocket('fd00::2'))).toBe(true);
  expect(shares.open(fakeSocket('fd00:0:0:1::2'))).toBe(false);
});

it('knows a connection by both of its sockets, as TLS has them', () => {
  const shares = createConnectionShares(LIMITS);
  const plain = fakeSocket();
  shares.open(plain);
  const secured = { ...fakeSocket(), remoteAddress: plain.remoteAddress, remotePort: plain.remotePort };
  shares.begin(secured as unknown as CountedSocket);
  shares.open(fakeSocket());
  shares.open(fakeSocket());
  expect(plain.isDestroyed).toBe(false);
});

it.each([
  [10_000, { maxOpen: 2500, maxWaiting: 625 }],
  [4000, { maxOpen: 1000, maxWaiting: 250 }],
  [100, { maxOpen: 25, maxWaiting: 16 }],
  [8, { maxOpen: 2, maxWaiting: 2 }],
  [1, { maxOpen: 1, maxWaiting: 1 }],
])('of %d connections a client may have %j', (maxConnections, shares) => {
  expect(sharesOf(maxConnections)).toEqual(shares);
});
