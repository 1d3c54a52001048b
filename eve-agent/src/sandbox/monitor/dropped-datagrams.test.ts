// SPDX-License-Identifier: Apache-2.0
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { fstatSync, openSync } from 'node:fs';
import { encodeProgram } from '@local-datastore/shared/confinement/filters/bpf-program';
import { mdnsFilter } from '@local-datastore/shared/confinement/filters/mdns-filter';
import { openUdpSocket } from '@local-datastore/shared/confinement/system/udp-socket';
import { describe, expect, it } from 'vitest';
import { createDroppedDatagrams, parseDrops } from './dropped-datagrams.ts';

describe('a table of sockets', () => {
  const HEAD =
    'sl local_address rem_address st tx_queue rx_queue tr tm->when retrnsmt uid timeout inode ref pointer drops\n';
  const ROW =
    '11765: 00000000:C9D6 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 3064527 2 0 17       \n';
  it.each<[string, string, [number, number][]]>([
    ['without a socket', HEAD, []],
    ['with one', HEAD + ROW, [[3064527, 17]]],
    ['that is cut off', HEAD + ROW + ROW.slice(0, 60), [[3064527, 17]]],
    ['that is empty', '', []],
  ])('%s', (_, table, expected) => {
    expect(parseDrops(table)).toEqual(expected);
  });
});

describe('what sockets drop', () => {
  const fd = openSync('/dev/null', 'r');
  const other = openSync('/dev/zero', 'r');
  const [ino, otherIno] = [fd, other].map((each) => fstatSync(each).ino) as [number, number];

  it.each<[string, readonly (readonly [number, number])[][], number]>([
    ['is nothing at first', [[[ino, 0]]], 0],
    [
      'is what each dropped',
      [
        [
          [ino, 3],
          [otherIno, 4],
        ],
      ],
      7,
    ],
    [
      'is not that of others',
      [
        [
          [ino, 3],
          [1, 4],
        ],
      ],
      3,
    ],
    [
      'stays when one is closed',
      [
        [
          [ino, 3],
          [otherIno, 4],
        ],
        [[otherIno, 5]],
        [[otherIno, 6]],
      ],
      9,
    ],
    ['is not that of one that gets the number of a closed one', [[[ino, 3]], [], [[ino, 9]]], 3],
    ['is not less where a number is given again at once', [[[ino, 3]], [[ino, 1]]], 3],
  ])('%s', (_, tables, expected) => {
    let drops: ReadonlyMap<number, number> = new Map([
      [ino, 0],
      [otherIno, 0],
    ]);
    const dropped = createDroppedDatagrams(() => drops);
    dropped.watch(fd);
    dropped.watch(other);
    for (const table of tables) {
      drops = new Map(table);
      dropped.total();
    }
    expect(dropped.total()).toBe(expected);
  });

  it('is counted by the kernel', async () => {
    const socket = createSocket('udp4');
    const port = 47_123;
    const confined = openUdpSocket({ address: '127.77.13.4', port }, encodeProgram(mdnsFilter()));
    const dropped = createDroppedDatagrams();
    dropped.watch(confined);
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    for (const payload of ['a', 'b']) {
      await new Promise((resolve) => socket.send(payload, port, '127.77.13.4', resolve));
    }
    expect(dropped.total()).toBe(2);
    socket.close();
  });
});
