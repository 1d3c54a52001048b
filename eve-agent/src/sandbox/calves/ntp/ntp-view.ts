// SPDX-License-Identifier: Apache-2.0
import { NTP_KEY, type NtpState, quantityText, type SourceKey } from '../../keys/ntp-keys.ts';
import { slewedMs } from './corrections.ts';
import type { NtpClientState } from './ntp-client.ts';
import { measure, type SourceOptions } from './source.ts';

const NO_STRATUM = 16;
const REACH_BITS = 8;

export function statusOf({ status, told, answer }: NtpClientState): NtpState {
  const isRefused = answer?.kind === 'refused' && answer.sequence === told?.sequence;
  return status === 'synchronized' && isRefused ? 'refused' : status;
}

/**
 * What a client shows of itself: values by their keys below the prefix. What is not known has an empty value, so that
 * the keys of a server stay the same as long as it is there.
 */
export function viewNtpClient(
  state: NtpClientState,
  nowMs: number,
  options: SourceOptions,
): ReadonlyMap<string, string> {
  const view = new Map<string, string>();
  for (const [id, source] of state.sources) {
    const show = (key: SourceKey, value: string | number) =>
      view.set(`${NTP_KEY.source}/${id}/${key}`, typeof value === 'number' ? quantityText(value) : value);
    // As it was when the last answer came: each change of a key is a line in the log.
    const atMs = source.samples[0]?.atMs ?? nowMs;
    const measured = measure(source, atMs, options);
    show('role', state.roles.get(id) ?? 'unusable');
    show('trouble', source.trouble ?? '');
    show('reach', source.reach.toString(2).padStart(REACH_BITS, '0'));
    show('dropped', String(source.droppedCount));
    show('stratum', measured === null ? '' : String(measured.traits.stratum));
    show('offset', measured === null ? '' : measured.offsetMs - slewedMs(state.corrections, atMs));
    show('delay', measured?.delayMs ?? '');
    show('jitter', measured?.jitterMs ?? '');
    show('distance', measured?.rootDistanceMs ?? '');
  }
  const peer = state.combination?.systemPeer ?? '';
  const traits = state.sources.get(peer)?.traits ?? null;
  view.set(NTP_KEY.state, statusOf(state));
  view.set(NTP_KEY.peer, peer);
  view.set(NTP_KEY.stratum, String(traits === null ? NO_STRATUM : traits.stratum + 1));
  view.set(NTP_KEY.leap, String(traits?.leap ?? 0));
  return view;
}
