// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { describePortHolder, type PortHolderSources, parsePortUses } from './port-holder.ts';

const HEAD =
  '   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops';
const row = (local: string, uid: number, inode: number) =>
  `  424: ${local} 00000000:0000 07 00000000:00000000 00:00000000 00000000 ${String(uid).padStart(5)}        0 ${inode} 2 0000000000000000 0        `;
const MDNS = '00000000:14E9';

const table = (...rows: string[]) => [HEAD, ...rows, ''].join('\n');

test.each([
  ['nobody', table(), []],
  ['no table', '', []],
  ['one on every address', table(row(MDNS, 107, 4711)), [{ inode: '4711', uid: 107 }]],
  ['one on one address', table(row('0100010A:14E9', 0, 12)), [{ inode: '12', uid: 0 }]],
  [
    'one by IPv6',
    table(row('00000000000000000000000000000000:14E9', 107, 4712)),
    [{ inode: '4712', uid: 107 }],
  ],
  ['others on other ports', table(row('00000000:0044', 0, 1), row('00000000:14EA', 0, 2)), []],
  ['noise', 'what\never\n: : : :', []],
])('the sockets of the port: %s', (_, text, expected) => {
  expect(parsePortUses(text)).toEqual(expected);
});

describe('who holds the port', () => {
  const sources = (text: string, processes: string[]): PortHolderSources => ({
    readUdpTables: () => [text],
    findProcesses: (inodes) => (inodes.has('4711') ? processes : []),
  });
  const held = table(row(MDNS, 107, 4711));
  test.each([
    ['EADDRINUSE', held, ['avahi-daemon (process 81)'], 'held, and not shared, by avahi-daemon (process 81)'],
    ['EADDRINUSE', held, ['x\u001b[2J (process 1)'], 'held, and not shared, by x\\027[2J (process 1)'],
    ['EADDRINUSE', held, [], 'held, and not shared, by a program of user 107: often it is Avahi'],
    ['EADDRINUSE', '', [], 'held, and not shared, by another program: often it is Avahi'],
    ['EACCES', held, [], 'this process may not use it'],
    ['EPERM', held, [], 'this process may not use it'],
    ['EMFILE', held, [], 'nobody is known to hold it'],
    ['', '', [], 'nobody is known to hold it'],
  ])('%s with %#', (code, text, processes, expected) => {
    const described = describePortHolder({ code, message: 'bind' }, sources(text, processes));
    expect(described.startsWith(expected)).toBe(true);
  });
});
