// SPDX-License-Identifier: Apache-2.0
import { type Clock, waitUnlessAborted } from '@local-datastore/shared/clock';
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import type { Bridge } from './bridges.ts';
import { hostNamesIn, judgeAnswer } from './judge-answer.ts';
import type { OpenQuerier, Querier, ReceivedResponse } from './querier.ts';

/** How often hosts and bridges are looked at anew. */
const REVIEW_INTERVAL_MS = 2000;

export interface AnnouncementDeps {
  readonly openQuerier: OpenQuerier;
  /** @throws DiscoveryError `NO_BRIDGE` */
  selectBridges(): Bridge[] | Promise<Bridge[]>;
  /** Whose announcements matter at the moment, in lower case; none: nothing is listened to. */
  hosts(): ReadonlySet<string>;
  /** A host has said where it is. */
  onSeen(host: string, address: string): void;
  readonly clock: Clock;
  readonly log: Log;
}

const bridgesKey = (bridges: readonly Bridge[]) =>
  bridges.map(({ name, cidr }) => `${name} ${cidr}`).join('\n');

/**
 * Listens on the bridges, without asking, for hosts that announce themselves (RFC 6762 §8.3) or answer
 * somebody, until the signal is aborted. Bridges that come and go are followed.
 */
export async function watchAnnouncements(deps: AnnouncementDeps, signal: AbortSignal): Promise<void> {
  const { clock, log } = deps;
  let querier: Querier | null = null;
  let openKey = '';

  function hear({ message, source, bridge }: ReceivedResponse): void {
    const hosts = deps.hosts();
    for (const name of hostNamesIn(message)) {
      const host = name.toLowerCase().replace(/\.$/, '');
      if (!hosts.has(host)) continue;
      const judgement = judgeAnswer(message, source, bridge, host);
      if (judgement.kind === 'match') deps.onSeen(host, judgement.address);
    }
  }

  async function findBridges(): Promise<Bridge[]> {
    if (deps.hosts().size === 0) return [];
    try {
      return await deps.selectBridges();
    } catch {
      // None now; whoever searches says so.
      return [];
    }
  }

  async function review(): Promise<void> {
    const bridges = await findBridges();
    if (bridgesKey(bridges) === openKey) return;
    await querier?.close();
    querier = null;
    openKey = '';
    if (bridges.length === 0) return;
    try {
      querier = await deps.openQuerier(bridges);
      querier.onResponse(hear);
      openKey = bridgesKey(bridges);
    } catch (error) {
      log.warn({ reason: errorMessage(error) }, 'announcements cannot be heard');
    }
  }

  while (!signal.aborted) {
    await review();
    await waitUnlessAborted(clock, REVIEW_INTERVAL_MS, signal);
  }
  await (querier as Querier | null)?.close();
}
