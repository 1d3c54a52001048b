// SPDX-License-Identifier: Apache-2.0
import { askRights } from '../../exchange/ask-keys.ts';
import { type KeyRight, readable, writable } from '../../store/rights.ts';

/** What the service asks of the calf. */
export const JOB_KINDS = ['download', 'resolve', 'probe'] as const;
export type JobKind = (typeof JOB_KINDS)[number];

/**
 * The keys of the calf that speaks to the network.
 *
 * `/settings/…` how it is to behave; `/hosts/N/…` whose announcements matter; `/KIND/ID/order/…` a job, which ends early
 * when that is deleted; `/KIND/ID/state` its last event; `/KIND/ID/outcome/…` what came of it; `/resolved/NAME/ip` where a
 * host is; `/ready` that it takes jobs; `/ask/N`, `/answer/N` what only priv can do.
 */
export const NET_RIGHTS: readonly KeyRight[] = [
  readable('/settings/*'),
  readable('/hosts/*/*'),
  ...JOB_KINDS.flatMap((kind) => [
    readable(`/${kind}/*/order/*`),
    writable(`/${kind}/*/state`),
    writable(`/${kind}/*/outcome/*`),
  ]),
  writable('/resolved/*/ip'),
  writable('/ready'),
  ...askRights([]),
];
