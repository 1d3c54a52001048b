// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import type { Rtnetlink } from './rtnetlink/rtnetlink.ts';

/** Between two looks at the link: a cable takes longer to change its place. */
const LOOK_EVERY_MS = 2000;

/**
 * Looks at a link for as long as it is not ended, and tells when it carries again after it did not: it may lead into
 * another network now.
 *
 * @returns what ends it
 */
export function watchLink(
  deps: { readonly rtnetlink: Rtnetlink; readonly clock: Clock; readonly log: Log },
  interfaceIndex: number,
  onReturn: () => void,
): () => void {
  const { rtnetlink, clock, log } = deps;
  let hasCarrier: boolean | null = null;
  let isEnded = false;
  let cancel = () => {};

  async function look(): Promise<void> {
    try {
      const link = (await rtnetlink.links()).find(({ index }) => index === interfaceIndex);
      const carries = link?.hasCarrier ?? false;
      if (isEnded) return;
      if (hasCarrier === false && carries) onReturn();
      if (hasCarrier !== false && !carries) log.warn({}, 'the link carries nothing');
      hasCarrier = carries;
    } catch (error) {
      log.debug({ reason: errorMessage(error) }, 'the link cannot be looked at');
    }
    if (!isEnded) cancel = clock.after(LOOK_EVERY_MS, look);
  }
  void look();
  return () => {
    isEnded = true;
    cancel();
  };
}
