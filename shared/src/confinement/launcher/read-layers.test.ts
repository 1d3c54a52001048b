// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { parseStatus, readLayers } from './read-layers.ts';

const STATUS = `Name:	node
Umask:	0022
State:	S (sleeping)
Uid:	0	65520	0	0
Gid:	0	65521	0	0
Groups:	4 24 27 
CapInh:	0000000000000000
CapPrm:	000001ffffffffff
CapEff:	00000000a80425fb
CapBnd:	0000000000000040
CapAmb:	0000000000000000
NoNewPrivs:	1
Seccomp:	2
Seccomp_filters:	3
`;

describe('parseStatus', () => {
  it('reads what the kernel says', () => {
    expect(parseStatus(STATUS)).toEqual({
      ...{ uid: 65520, gid: 65521, groups: [4, 24, 27] },
      ...{ capEff: 0xa80425fbn, capPrm: 0x1ffffffffffn, capBnd: 0x40n, capAmb: 0n },
      ...{ noNewPrivs: true, seccomp: 2, seccompFilters: 3 },
    });
  });

  it.each([
    ['no groups', /4 24 27 /, '', { groups: [] }],
    ['no new rights not refused', /(NoNewPrivs:\t)1/, '$10', { noNewPrivs: false }],
    ['an older kernel', /Seccomp_filters.*\n/, '', { seccompFilters: Number.NaN }],
  ])('reads %s', (_, from, to, expected) => {
    expect(parseStatus(STATUS.replace(from, to))).toMatchObject(expected);
  });

  it.each([
    ['nothing', ''],
    ['no user', STATUS.replace(/Uid.*\n/, '')],
    ['no capabilities', STATUS.replace(/CapEff.*\n/, '')],
    ['capabilities that are no number', STATUS.replace('a80425fb', 'zz')],
    ['no word of seccomp', STATUS.replace(/Seccomp:.*\n/, '')],
  ])('takes nothing from %s', (_, text) => {
    expect(parseStatus(text)).toBeNull();
  });
});

describe('readLayers', () => {
  it('reads those of this process, whose namespaces are its own', () => {
    expect(readLayers('self')).toMatchObject({
      uid: process.geteuid?.(),
      gid: process.getegid?.(),
      ownNamespaces: { net: false, mnt: false, ipc: false, uts: false, user: false },
    });
  });

  it('has nothing of a process that there is not', () => {
    expect(readLayers(2 ** 22 + 1)).toBeNull();
  });
});
