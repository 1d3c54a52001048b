// SPDX-License-Identifier: Apache-2.0
import type { Namespace } from '../namespace.ts';

/** The rules of ours on a host, as the packet filter prints them. */
export async function listOurRules(host: Namespace): Promise<string[]> {
  const tables = await Promise.all(
    ['nat', 'filter'].map((table) => host.mustRun(['iptables', '-w', '5', '-t', table, '-S'])),
  );
  return tables
    .join('\n')
    .split('\n')
    .filter((line) => line.includes('local-datastore'));
}
