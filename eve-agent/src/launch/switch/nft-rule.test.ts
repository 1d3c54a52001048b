// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { createNftRule, holderOfTable, nftScript } from './nft-rule.ts';
import type { Redirect } from './port-rule.ts';

const { signal } = new AbortController();
const redirect: Redirect = {
  ...{ family: 4, protocol: 'tcp', hostAddress: null, hostPort: 8080 },
  ...{ address: '172.17.0.3', port: 80, bridge: 'docker0' },
};
const TABLE = `local_datastore_${Buffer.from('ed_web').toString('hex')}`;

describe('nftScript', () => {
  it('is one transaction: what leads there, and what lets it through', () => {
    const forward = { family: 'ip', table: 'filter', name: 'FORWARD' };
    expect(nftScript('ed_web', [redirect], [forward, { ...forward, family: 'ip6' }]).split('\n')).toEqual([
      `add table ip ${TABLE}`,
      `add chain ip ${TABLE} prerouting { type nat hook prerouting priority -110; policy accept; }`,
      `add chain ip ${TABLE} output { type nat hook output priority -110; policy accept; }`,
      `add rule ip ${TABLE} prerouting iifname != "docker0" tcp dport 8080 fib daddr type local dnat to 172.17.0.3:80`,
      `add rule ip ${TABLE} output ip daddr != 127.0.0.0/8 tcp dport 8080 fib daddr type local dnat to 172.17.0.3:80`,
      'insert rule ip filter FORWARD ip daddr 172.17.0.3 tcp dport 80 ct status dnat accept comment "local-datastore:ed_web"',
      'insert rule ip filter FORWARD ip saddr 172.17.0.3 tcp sport 80 ct status dnat accept comment "local-datastore:ed_web"',
      '',
    ]);
  });
  it('of one address, and of IPv6', () => {
    const ipv6: Redirect = { ...redirect, family: 6, address: 'fd00::3', hostAddress: 'fd01::1' };
    const script = nftScript('ed_web', [ipv6], []);
    expect(script).toContain('output ip6 daddr fd01::1 tcp dport 8080');
    expect(script).toContain('dnat to [fd00::3]:80');
  });
});

it.each([
  [TABLE, 'ed_web'],
  ['local_datastore_', undefined],
  ['local_datastore_xyz', undefined],
  ['filter', undefined],
  [`local_datastore_vm_${Buffer.from('ed_web').toString('hex')}`, undefined],
])('the table %s is of %s', (name, holder) => {
  expect(holderOfTable(name)).toBe(holder);
});

it('tells what is of virtual machines by a name of their own', () => {
  const script = nftScript('a', [redirect], [{ family: 'ip', table: 'f', name: 'F' }], 'machines');
  expect(script).toContain('add table ip local_datastore_vm_61\n');
  expect(script).toContain('comment "local-datastore-vm:a"');
  expect(holderOfTable('local_datastore_vm_61', 'machines')).toBe('a');
});

it('removes the table, and what it added to the chains of others', async () => {
  const scripts: string[] = [];
  const rule = createNftRule('nft', async (_program, args, _signal, input = '') => {
    const asked = args.join(' ');
    if (asked === '--file -') {
      scripts.push(input);
      return '';
    }
    const nftables = asked.includes('list tables')
      ? [
          { metainfo: {} },
          { table: { family: 'ip', name: TABLE } },
          { table: { family: 'ip', name: 'filter' } },
        ]
      : asked.includes('list chains')
        ? [
            { chain: { family: 'ip', table: 'filter', name: 'FORWARD', hook: 'forward' } },
            { chain: { family: 'ip', table: 'nat', name: 'A' } },
          ]
        : [
            {
              rule: {
                family: 'ip',
                table: 'filter',
                chain: 'FORWARD',
                handle: 7,
                comment: 'local-datastore:ed_web',
              },
            },
            {
              rule: {
                family: 'ip',
                table: 'filter',
                chain: 'FORWARD',
                handle: 8,
                comment: 'local-datastore:ed_b',
              },
            },
            { rule: { family: 'ip', table: 'filter', chain: 'FORWARD', handle: 9 } },
          ];
    return JSON.stringify({ nftables });
  });
  expect(await rule.list(signal)).toEqual(new Set(['ed_web', 'ed_b']));
  await rule.remove('ed_web', signal);
  await rule.remove('ed_c', signal);
  expect(scripts).toEqual([`delete table ip ${TABLE}\ndelete rule ip filter FORWARD handle 7\n`]);
});
