// SPDX-License-Identifier: Apache-2.0
import type { SwitchOutcome } from '../../eve-agent/src/launch/switch/outcome.ts';
import type { Seen } from '../lab/switch/asker.ts';
import { createSwitchHost } from '../lab/switch/switch-host.ts';
import { spreadOf } from './measure.ts';
import { formatSpread, formatTable } from './table.ts';

/** With five rounds: twenty switches each way. */
const SWITCHES_PER_ROUND = 4;
const WAYS = [
  ['with a rule', {}],
  ['without a rule', { withoutRule: true }],
] as const;

interface Sample {
  readonly outcome: SwitchOutcome | null;
  readonly seen: Seen;
  readonly wallSeconds: number;
}

/**
 * Versions of a web server are switched by a Docker engine, while another host asks with a new connection each 3 ms and
 * more: what it saw, and what the outcome says.
 */
export async function benchSwitch(rounds: number): Promise<string> {
  const host = await createSwitchHost();
  try {
    for (const word of ['v1', 'v2']) await host.buildImage(word);
    await host.run({ action: { kind: 'deploy', version: host.version('v1') } });
    const asker = await host.startAsking();
    const samples = new Map<string, Sample[]>(WAYS.map(([name]) => [name, []]));
    for (let count = 0; count < rounds * SWITCHES_PER_ROUND; count += 1) {
      for (const [index, [name, way]] of WAYS.entries()) {
        const version = host.version(index === 0 ? 'v2' : 'v1', {}, { keep: 0 });
        await asker.look();
        const startedMs = performance.now();
        const { outcome } = await host.run({ ...way, action: { kind: 'deploy', version } });
        const wallSeconds = (performance.now() - startedMs) / 1000;
        if (outcome?.kind !== 'committed') throw new Error(`not switched: ${JSON.stringify(outcome)}`);
        samples.get(name)?.push({ outcome, seen: await asker.look(), wallSeconds });
      }
    }
    await asker.stop();
    const rows = [...samples].map(([name, all]) => {
      const failed = all.map(({ seen }) => seen.failed);
      return [
        ...[name, String(all.length), String(all.reduce((sum, { seen }) => sum + seen.asked, 0))],
        ...[String(failed.reduce((sum, each) => sum + each, 0)), formatSpread(spreadOf(failed), 0)],
        formatSpread(spreadOf(all.map(({ seen }) => seen.longestSilenceMs / 1000))),
        formatSpread(
          spreadOf(all.map(({ outcome }) => (outcome?.gap?.longestSilenceMs ?? Number.NaN) / 1000)),
        ),
        formatSpread(spreadOf(all.map(({ wallSeconds }) => wallSeconds)), 1),
      ];
    });
    return formatTable(
      [
        ...['switched', 'times', 'requests', 'failed', 'failed each time'],
        ...['longest silence, s', 'gap as told, s', 'whole, s'],
      ],
      rows,
    );
  } finally {
    await host.stop();
  }
}
