// SPDX-License-Identifier: Apache-2.0
import type { AppPortMap, AppSwitch } from '@local-datastore/shared/eve/app-instance-status';

/** A port of the device and where it leads, as `tcp 10.1.0.1:8080 → 80`. */
export function portText({ Protocol, HostAddress, HostPort, AppPort }: AppPortMap): string {
  const address = HostAddress.includes(':') ? `[${HostAddress}]` : HostAddress;
  return `${Protocol} ${address === '' ? '' : `${address}:`}${HostPort} → ${AppPort}`;
}

/** How the last switch of versions went; undefined: there was none. */
export function switchText(last: AppSwitch | null): string | undefined {
  if (last === null) return undefined;
  const gap = last.GapMs === null ? '' : `; nobody answered for ${last.GapMs} ms`;
  if (last.Outcome === 'kept') return `taken back (${last.Code}); the version before serves${gap}`;
  const ways = {
    bridged: 'its ports were led to the new version meanwhile',
    beside: 'the new version ran beside the old one',
    'in-place': 'the old version was stopped first',
    '': 'done',
  } as const satisfies Record<AppSwitch['How'], string>;
  return ways[last.How] + gap;
}
