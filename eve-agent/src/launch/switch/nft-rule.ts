// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import type { RunTool } from './packet-filter-tool.ts';
import type { PortRule, Redirect, RuleKind } from './port-rule.ts';

/** Begins the names of our tables; the holder follows in hexadecimal digits, as names allow few characters. */
const TABLES: Readonly<Record<RuleKind, string>> = {
  switch: 'local_datastore_',
  machines: 'local_datastore_vm_',
};
const MARKS: Readonly<Record<RuleKind, string>> = {
  switch: 'local-datastore:',
  machines: 'local-datastore-vm:',
};
/** Before the engine's own, which stand at `dstnat` (-100). */
const PRIORITY = -110;

const documentSchema = z.object({
  nftables: z.array(
    z.looseObject({
      table: z.object({ family: z.string(), name: z.string() }).optional(),
      chain: z
        .object({ family: z.string(), table: z.string(), name: z.string(), hook: z.string().optional() })
        .optional(),
      rule: z
        .looseObject({
          family: z.string(),
          table: z.string(),
          chain: z.string(),
          handle: z.number(),
          comment: z.string().optional(),
        })
        .optional(),
    }),
  ),
});

export interface NftChain {
  readonly family: string;
  readonly table: string;
  readonly name: string;
}

const familyName = (family: 4 | 6) => (family === 4 ? 'ip' : 'ip6');
const tableOf = (kind: RuleKind, holder: string) => TABLES[kind] + Buffer.from(holder).toString('hex');

/** @returns undefined for a table of somebody else */
export function holderOfTable(name: string, kind: RuleKind = 'switch'): string | undefined {
  const start = TABLES[kind];
  const hex = name.startsWith(start) ? name.slice(start.length) : '';
  return /^(?:[0-9a-f]{2})+$/.test(hex) ? Buffer.from(hex, 'hex').toString() : undefined;
}

/**
 * What makes the rules of redirects, in one transaction.
 *
 * @param forwarding the chains that judge what is forwarded: a verdict of ours alone would not be the last, so that
 *   each of them gets a rule
 */
export function nftScript(
  holder: string,
  redirects: readonly Redirect[],
  forwarding: readonly NftChain[],
  kind: RuleKind = 'switch',
): string {
  const table = tableOf(kind, holder);
  const lines: string[] = [];
  for (const family of [4, 6] as const) {
    const own = redirects.filter((redirect) => redirect.family === family);
    if (own.length === 0) continue;
    const ip = familyName(family);
    lines.push(`add table ${ip} ${table}`);
    for (const hook of ['prerouting', 'output']) {
      lines.push(
        `add chain ${ip} ${table} ${hook} { type nat hook ${hook} priority ${PRIORITY}; policy accept; }`,
      );
    }
    for (const { protocol, hostAddress, hostPort, address, port, bridge } of own) {
      const to = family === 4 ? `${address}:${port}` : `[${address}]:${port}`;
      const at = hostAddress === null ? '' : `${ip} daddr ${hostAddress} `;
      const notLoopback = `${ip} daddr != ${family === 4 ? '127.0.0.0/8' : '::1'} `;
      const led = `${protocol} dport ${hostPort} fib daddr type local dnat to ${to}`;
      lines.push(`add rule ${ip} ${table} prerouting iifname != "${bridge}" ${at}${led}`);
      lines.push(`add rule ${ip} ${table} output ${at || notLoopback}${led}`);
      for (const chain of forwarding.filter((each) => each.family === ip || each.family === 'inet')) {
        const place = `${chain.family} ${chain.table} ${chain.name}`;
        // What was led there, and its answers.
        for (const match of [
          `${ip} daddr ${address} ${protocol} dport ${port}`,
          `${ip} saddr ${address} ${protocol} sport ${port}`,
        ]) {
          lines.push(`insert rule ${place} ${match} ct status dnat accept comment "${MARKS[kind]}${holder}"`);
        }
      }
    }
  }
  return lines.map((line) => `${line}\n`).join('');
}

/** By nftables, for a host that has no iptables. */
export function createNftRule(program: string, run: RunTool, kind: RuleKind = 'switch'): PortRule {
  const mark = MARKS[kind];
  async function ask(args: readonly string[], signal: AbortSignal) {
    return documentSchema.parse(JSON.parse(await run(program, ['--json', ...args], signal))).nftables;
  }
  const listTables = async (signal: AbortSignal) =>
    (await ask(['list', 'tables'], signal)).flatMap(({ table }) => {
      const holder = table && holderOfTable(table.name, kind);
      return table && holder !== undefined ? [{ ...table, holder }] : [];
    });
  const listForwarding = async (signal: AbortSignal): Promise<NftChain[]> =>
    (await ask(['list', 'chains'], signal)).flatMap(({ chain }) =>
      chain?.hook === 'forward' ? [chain] : [],
    );

  /** What we have added to chains of others. */
  async function listForeign(signal: AbortSignal) {
    const rules = [];
    for (const { family, table, name } of await listForwarding(signal)) {
      const listed = await ask(['--handle', 'list', 'chain', family, table, name], signal);
      for (const { rule } of listed) {
        if (rule?.comment?.startsWith(mark)) rules.push({ ...rule, holder: rule.comment.slice(mark.length) });
      }
    }
    return rules;
  }

  return {
    async list(signal) {
      const all = [...(await listTables(signal)), ...(await listForeign(signal))];
      return new Set(all.map(({ holder }) => holder));
    },

    async add(holder, redirects, signal) {
      const script = nftScript(holder, redirects, await listForwarding(signal), kind);
      await run(program, ['--file', '-'], signal, script);
    },

    async remove(holder, signal) {
      const isOwn = (each: { holder: string }) => each.holder === holder;
      const tables = (await listTables(signal)).filter(isOwn);
      const foreign = (await listForeign(signal)).filter(isOwn);
      const lines = [
        ...tables.map(({ family, name }) => `delete table ${family} ${name}`),
        ...foreign.map(
          ({ family, table, chain, handle }) => `delete rule ${family} ${table} ${chain} handle ${handle}`,
        ),
      ];
      if (lines.length > 0)
        await run(program, ['--file', '-'], signal, lines.map((line) => `${line}\n`).join(''));
    },
  };
}
