// SPDX-License-Identifier: Apache-2.0
import { createIptablesRule } from './iptables-rule.ts';
import { createNftRule } from './nft-rule.ts';
import { findTool, type RunTool, runTool } from './packet-filter-tool.ts';
import type { PortRule, RuleKind } from './port-rule.ts';

/** Of an engine that manages its ports by nftables itself (Docker 29 with `firewall-backend: nftables`). */
const ENGINE_TABLE = 'docker-bridges';

/**
 * The tool by which ports are led elsewhere on this host: iptables, as engines use it; nftables where there is no
 * other, or where the engine uses it.
 *
 * @param kind of what is led
 * @returns null where there is none, or this process may not use it
 */
export async function findPortRule(
  signal: AbortSignal,
  run: RunTool = runTool,
  find: (name: string) => Promise<string | null> = findTool,
  kind: RuleKind = 'switch',
): Promise<PortRule | null> {
  const [ipv4, ipv6, nft] = await Promise.all([find('iptables'), find('ip6tables'), find('nft')]);
  const byNft = nft === null ? null : createNftRule(nft, run, kind);
  const byIptables = ipv4 === null ? null : createIptablesRule({ ipv4, ipv6 }, run, kind);
  const tables = nft === null ? '' : await run(nft, ['list', 'tables'], signal).catch(() => '');
  const order = tables.includes(ENGINE_TABLE) ? [byNft, byIptables] : [byIptables, byNft];
  for (const rule of order) {
    if (rule === null) continue;
    try {
      await rule.list(signal);
      return rule;
    } catch {
      signal.throwIfAborted();
    }
  }
  return null;
}
