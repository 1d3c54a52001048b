// SPDX-License-Identifier: Apache-2.0
import type { RunTool } from './packet-filter-tool.ts';
import type { PortRule, Redirect, RuleKind } from './port-rule.ts';

/** Where the programs stand; null: none for IPv6. */
export interface IptablesPrograms {
  readonly ipv4: string;
  readonly ipv6: string | null;
}

/** Begins the comment of each rule; the holder's name follows. Without spaces, so that it is printed as it is. */
const MARKS: Readonly<Record<RuleKind, string>> = {
  switch: 'local-datastore:',
  machines: 'local-datastore-vm:',
};
/** Seconds for which another that changes rules is waited for. */
const LOCK_WAIT = ['-w', '5'];
const TABLES = ['nat', 'filter'] as const;
type Table = (typeof TABLES)[number];

export interface IptablesRule {
  readonly family: 4 | 6;
  readonly table: Table;
  readonly chain: string;
  readonly match: readonly string[];
}

/** The rules of a redirect, in the order in which they are added: nothing is led where it may not go. */
export function iptablesRules(holder: string, redirect: Redirect, kind: RuleKind = 'switch'): IptablesRule[] {
  const { family, protocol, hostAddress, hostPort, address, port, bridge } = redirect;
  const comment = ['-m', 'comment', '--comment', MARKS[kind] + holder];
  const loopback = family === 4 ? '127.0.0.0/8' : '::1/128';
  const arriving = [
    ...['-p', protocol, '-m', protocol, '--dport', String(hostPort)],
    ...['-m', 'addrtype', '--dst-type', 'LOCAL', ...comment, '-j', 'DNAT', '--to-destination'],
    family === 4 ? `${address}:${port}` : `[${address}]:${port}`,
  ];
  const at = hostAddress === null ? [] : ['-d', hostAddress];
  // Only what was led there, and its answers: its own address stays as closed as it was.
  const led = ['-m', 'conntrack', '--ctstate', 'DNAT', ...comment, '-j', 'ACCEPT'];
  const accepted = ['-d', address, '-p', protocol, '-m', protocol, '--dport', String(port), ...led];
  const answering = ['-s', address, '-p', protocol, '-m', protocol, '--sport', String(port), ...led];
  const prerouting = [...at, '!', '-i', bridge, ...arriving];
  const output = [...(hostAddress === null ? ['!', '-d', loopback] : at), ...arriving];
  return [
    { family, table: 'filter', chain: 'FORWARD', match: answering },
    { family, table: 'filter', chain: 'FORWARD', match: accepted },
    { family, table: 'nat', chain: 'OUTPUT', match: output },
    { family, table: 'nat', chain: 'PREROUTING', match: prerouting },
  ];
}

/** Of `iptables -S` the rules of ours, each with its holder and as words. */
export function parseOwnRules(
  listed: string,
  kind: RuleKind = 'switch',
): { readonly holder: string; readonly words: string[] }[] {
  return listed.split('\n').flatMap((line) => {
    const words = line.split(' ').map((word) => word.replace(/^"(.*)"$/, '$1'));
    const comment = words[words.indexOf('--comment') + 1] ?? '';
    if (words[0] !== '-A' || !words.includes('--comment') || !comment.startsWith(MARKS[kind])) return [];
    return [{ holder: comment.slice(MARKS[kind].length), words }];
  });
}

/** By iptables, of which either kind will do: that which the host's engine uses. */
export function createIptablesRule(
  programs: IptablesPrograms,
  run: RunTool,
  kind: RuleKind = 'switch',
): PortRule {
  const families = ([4, 6] as const).flatMap((family) => {
    const program = family === 4 ? programs.ipv4 : programs.ipv6;
    return program === null ? [] : [{ family, program }];
  });
  const programOf = (wanted: 4 | 6) => families.find(({ family }) => family === wanted)?.program;

  async function listOwn(program: string, table: Table, signal: AbortSignal) {
    return parseOwnRules(await run(program, [...LOCK_WAIT, '-t', table, '-S'], signal), kind);
  }

  /** A kernel without IPv6 has no rules for it. */
  async function forEachTable(
    visit: (program: string, table: Table) => Promise<void>,
    tables: readonly Table[] = TABLES,
  ): Promise<void> {
    for (const { family, program } of families) {
      for (const table of tables) {
        await visit(program, table).catch((error: unknown) => {
          if (family === 4) throw error;
        });
      }
    }
  }

  const portRule: PortRule = {
    async list(signal) {
      const holders = new Set<string>();
      await forEachTable(async (program, table) => {
        for (const { holder } of await listOwn(program, table, signal)) holders.add(holder);
      });
      return holders;
    },

    async add(holder, redirects, signal) {
      try {
        for (const { family, table, chain, match } of redirects.flatMap((each) =>
          iptablesRules(holder, each, kind),
        )) {
          const program = programOf(family);
          if (program === undefined) continue;
          await run(program, [...LOCK_WAIT, '-t', table, '-I', chain, '1', ...match], signal);
        }
      } catch (error) {
        await portRule.remove(holder, signal);
        throw error;
      }
    },

    async remove(holder, signal) {
      await forEachTable(async (program, table) => {
        for (const { holder: own, words } of await listOwn(program, table, signal)) {
          if (own !== holder) continue;
          await run(program, [...LOCK_WAIT, '-t', table, '-D', ...words.slice(1)], signal);
        }
      });
    },
  };
  return portRule;
}
