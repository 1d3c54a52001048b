// SPDX-License-Identifier: Apache-2.0
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { fstatSync, openSync } from 'node:fs';
import { encodeProgram } from '@local-datastore/shared/confinement/filters/bpf-program';
import { dhcpFilter } from '@local-datastore/shared/confinement/filters/dhcp-filter';
import { readDrops } from '@local-datastore/shared/confinement/system/sockets';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDescriptors } from './open-descriptors.ts';

const FRAMES = { kind: 'frames', filter: 'dhcp', waitMs: 7 } as const;
const DATAGRAMS = { kind: 'datagrams', filter: { minBytes: 2, maxBytes: 4, firstByte: 0x3c } } as const;
const PLACE = { interfaceIndex: 3, mac: '02:00:00:00:00:01' };
const openNull = () => openSync('/dev/null', 'r');

describe('the descriptors of a manifest', () => {
  it('are opened by its declarations, in their order, until they are closed', () => {
    const asked: unknown[] = [];
    const openPacketSocket = (index: number, filter: Buffer, { waitMs }: { readonly waitMs: number }) => {
      asked.push([index, filter, waitMs]);
      return openNull();
    };
    const opened = openDescriptors({ b: FRAMES, a: FRAMES }, { a: PLACE, b: PLACE }, { openPacketSocket });
    expect([...opened.byName.keys()]).toEqual(['b', 'a']);
    const filter = encodeProgram(dhcpFilter(Buffer.from('020000000001', 'hex')));
    expect(asked).toEqual(Array(2).fill([3, filter, 7]));
    const fds = [...opened.byName.values()].map(({ fd }) => fd);
    opened.close();
    opened.close();
    for (const fd of fds) expect(() => fstatSync(fd)).toThrow('EBADF');
  });

  it('are none where one cannot be opened', () => {
    const fds: number[] = [];
    const openPacketSocket = () => {
      if (fds.length === 1) throw new Error('EPERM');
      fds.push(openNull());
      return fds[0] as number;
    };
    expect(() =>
      openDescriptors({ a: FRAMES, b: FRAMES }, { a: PLACE, b: PLACE }, { openPacketSocket }),
    ).toThrow('EPERM');
    expect(() => fstatSync(fds[0] as number)).toThrow('EBADF');
  });
});

describe('a socket for datagrams', () => {
  let taken: Socket;
  let port: number;
  beforeEach(async () => {
    taken = createSocket('udp4');
    taken.bind(0, '127.0.0.1');
    await once(taken, 'listening');
    ({ port } = taken.address());
  });
  afterEach(() => taken.close());

  it('counts what its filter does not let in', async () => {
    // The port that is free on another address of this host.
    const place = { address: '127.77.13.3', port };
    const opened = openDescriptors({ lines: DATAGRAMS }, { lines: place });
    const { fd, handed } = opened.byName.get('lines') ?? { fd: -1, handed: null };
    expect(handed).toBe('udp4');
    for (const payload of ['<', '<abcd', 'abc', '<ab']) {
      await new Promise((resolve) => taken.send(payload, port, place.address, resolve));
    }
    expect(readDrops(fd)).toBe(3);
    opened.close();
  });

  it.each([
    ['the port is taken', '127.0.0.1', 'EADDRINUSE'],
    ['the host does not have the address', '192.0.2.1', 'EADDRNOTAVAIL'],
  ])('is none where %s', (_, address, code) => {
    expect(() => openDescriptors({ lines: DATAGRAMS }, { lines: { address, port } })).toThrow(code);
  });
});
