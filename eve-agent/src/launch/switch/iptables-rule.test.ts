// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { createIptablesRule, iptablesRules, parseOwnRules } from './iptables-rule.ts';
import type { RunTool } from './packet-filter-tool.ts';
import type { Redirect } from './port-rule.ts';

const { signal } = new AbortController();
const redirect: Redirect = {
  ...{ family: 4, protocol: 'tcp', hostAddress: null, hostPort: 8080 },
  ...{ address: '172.17.0.3', port: 80, bridge: 'docker0' },
};
const ipv6: Redirect = { ...redirect, family: 6, address: 'fd00::3' };

/** Two tables a program, of lines as `-S` prints them. */
function createTables() {
  const tables = new Map<string, string[]>();
  const calls: string[][] = [];
  let failing: (args: readonly string[]) => boolean = () => false;
  const run: RunTool = async (program, [wait, seconds, flag, table, action, ...rest]) => {
    expect([wait, seconds, flag]).toEqual(['-w', '5', '-t']);
    const lines = tables.get(`${program} ${table}`) ?? [];
    tables.set(`${program} ${table}`, lines);
    if (failing([program, ...rest])) throw new Error('no such thing');
    if (action === '-S') return lines.join('\n');
    calls.push([program, table ?? '', action ?? '', ...rest]);
    if (action === '-I') {
      const [chain, number, ...match] = rest;
      expect(number).toBe('1');
      lines.unshift(`-A ${chain} ${match.join(' ')}`);
    } else {
      const at = lines.indexOf(`-A ${rest.join(' ')}`);
      if (at === -1) throw new Error('Bad rule');
      lines.splice(at, 1);
    }
    return '';
  };
  const all = () => [...tables.values()].flat();
  return {
    run,
    tables,
    calls,
    all,
    fail: (when: typeof failing) => {
      failing = when;
    },
  };
}

describe('iptablesRules', () => {
  it('lets it through, then leads it there: what comes from outside last', () => {
    expect(
      iptablesRules('ed_web', redirect).map(({ table, chain, match }) => [table, chain, match.join(' ')]),
    ).toEqual([
      [
        'filter',
        'FORWARD',
        '-s 172.17.0.3 -p tcp -m tcp --sport 80 -m conntrack --ctstate DNAT -m comment --comment local-datastore:ed_web -j ACCEPT',
      ],
      [
        'filter',
        'FORWARD',
        '-d 172.17.0.3 -p tcp -m tcp --dport 80 -m conntrack --ctstate DNAT -m comment --comment local-datastore:ed_web -j ACCEPT',
      ],
      [
        'nat',
        'OUTPUT',
        '! -d 127.0.0.0/8 -p tcp -m tcp --dport 8080 -m addrtype --dst-type LOCAL -m comment --comment local-datastore:ed_web -j DNAT --to-destination 172.17.0.3:80',
      ],
      [
        'nat',
        'PREROUTING',
        '! -i docker0 -p tcp -m tcp --dport 8080 -m addrtype --dst-type LOCAL -m comment --comment local-datastore:ed_web -j DNAT --to-destination 172.17.0.3:80',
      ],
    ]);
  });
  it('of one address of the host, and of IPv6', () => {
    const [, , output, prerouting] = iptablesRules('ed_web', { ...redirect, hostAddress: '10.1.0.1' });
    expect(output?.match.slice(0, 2)).toEqual(['-d', '10.1.0.1']);
    expect(prerouting?.match.slice(0, 5)).toEqual(['-d', '10.1.0.1', '!', '-i', 'docker0']);
    const [, , sixth] = iptablesRules('ed_web', ipv6);
    expect(sixth?.match.slice(0, 3)).toEqual(['!', '-d', '::1/128']);
    expect(sixth?.match.at(-1)).toBe('[fd00::3]:80');
  });
});

describe('parseOwnRules', () => {
  it('sees ours among those of others', () => {
    const listed = [
      '-P FORWARD DROP',
      '-N DOCKER',
      '-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER',
      '-A OUTPUT -m comment --comment "local-datastore:ed_web.1-a" -j DNAT',
      '-A OUTPUT -m comment --comment local-datastore:b -j DNAT',
      '-A OUTPUT -m comment --comment "of local-datastore:c" -j DNAT',
      '-A OUTPUT -j DNAT --comment',
    ];
    expect(parseOwnRules(listed.join('\n')).map(({ holder }) => holder)).toEqual(['ed_web.1-a', 'b']);
  });
});

describe('createIptablesRule', () => {
  const programs = { ipv4: 'iptables', ipv6: 'ip6tables' };

  it('adds, lists and removes those of one holder', async () => {
    const { run, all, calls } = createTables();
    const rule = createIptablesRule(programs, run);
    await rule.add('ed_a', [redirect, ipv6], signal);
    await rule.add('ed_b', [redirect], signal);
    expect(all()).toHaveLength(12);
    expect(await rule.list(signal)).toEqual(new Set(['ed_a', 'ed_b']));
    await rule.remove('ed_a', signal);
    expect(await rule.list(signal)).toEqual(new Set(['ed_b']));
    await rule.remove('ed_a', signal);
    // What is of virtual machines is another's.
    const machines = createIptablesRule(programs, run, 'machines');
    await machines.add('ed_b', [redirect], signal);
    expect(await machines.list(signal)).toEqual(new Set(['ed_b']));
    await rule.remove('ed_b', signal);
    expect([await rule.list(signal), await machines.list(signal)]).toEqual([new Set(), new Set(['ed_b'])]);
    await machines.remove('ed_b', signal);
    expect(all()).toEqual([]);
    // What leads there goes before what lets it through.
    expect(
      calls
        .filter(([, , action]) => action === '-D')
        .slice(0, 3)
        .map(([, table]) => table),
    ).toEqual(['nat', 'nat', 'filter']);
  });

  it('leaves nothing where one cannot be added', async () => {
    const { run, all, fail } = createTables();
    fail((args) => args.includes('PREROUTING') && args.includes('1'));
    await expect(createIptablesRule(programs, run).add('ed_a', [redirect], signal)).rejects.toThrow(
      'no such thing',
    );
    expect(all()).toEqual([]);
  });

  it.each([null, 'ip6tables'])('does without IPv6 (%s)', async (program) => {
    const { run, all, fail } = createTables();
    fail(([name]) => name === 'ip6tables');
    const rule = createIptablesRule({ ipv4: 'iptables', ipv6: program }, run);
    await rule.add('ed_a', [redirect], signal);
    expect(await rule.list(signal)).toEqual(new Set(['ed_a']));
    await rule.remove('ed_a', signal);
    expect(all()).toEqual([]);
  });

  it('without any, it is said', async () => {
    const { run, fail } = createTables();
    fail(() => true);
    await expect(createIptablesRule(programs, run).list(signal)).rejects.toThrow('no such thing');
  });
});
