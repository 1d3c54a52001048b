// SPDX-License-Identifier: Apache-2.0
import { CALF_USERS } from '@local-datastore/shared/confinement/launcher/calf';
import { commitText, DHCP_KEY, parseCommit } from '../../keys/dhcp-keys.ts';
import { defineManifest, handledKey, readKey, writeKey } from '../../sdk/manifest.ts';
import { json, text, textForm, wholeNumber } from '../../sdk/values.ts';

/** What the client of DHCP is told at its start. */
export interface DhcpCalfOptions {
  /** Told to servers; null: none. */
  readonly hostName: string | null;
  /** Whether an address is probed before it is used (RFC 5227), which takes some seconds. */
  readonly isProbing: boolean;
}

function parseOptions(value: unknown): DhcpCalfOptions | null {
  const { hostName, isProbing } = value as Readonly<Record<string, unknown>>;
  const isName = hostName === null || typeof hostName === 'string';
  return isName && typeof isProbing === 'boolean' ? { hostName, isProbing } : null;
}

/** A part of a lease, whose sense the agent judges: see `judgeLease`. */
const part = text({ maxBytes: 4096 });
const MAX_LINK_RETURNS = 1e9;

/** The client of DHCP, on one interface; its keys are those of keys/dhcp-keys.ts. */
export const DHCP = defineManifest({
  name: 'dhcp',
  user: CALF_USERS.dhcp,
  // Node itself needs 70 MB of it.
  limits: { memoryBytes: 160 * 1024 * 1024, openFiles: 64, workers: 0 },
  // It waits so long for a frame, which is how fast it ends.
  descriptors: { frames: { kind: 'frames', filter: 'dhcp', waitMs: 1000 } },
  keys: {
    mac: readKey(DHCP_KEY.mac, text({ pattern: /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/, maxBytes: 17 })),
    remembered: readKey(DHCP_KEY.remembered, text({ maxBytes: 15 })),
    wanted: readKey(DHCP_KEY.wanted, text({ pattern: /^(?:lease|nothing)$/, maxBytes: 7 })),
    link: readKey(DHCP_KEY.link, wholeNumber({ min: 0, max: MAX_LINK_RETURNS })),
    state: writeKey(DHCP_KEY.state, text({ pattern: /^[a-z]{1,20}$/, maxBytes: 20 })),
    ip: writeKey(DHCP_KEY.ip, part),
    gateway: writeKey(DHCP_KEY.gateway, part),
    mtu: writeKey(DHCP_KEY.mtu, part),
    domain: writeKey(DHCP_KEY.domain, part),
    search: writeKey(DHCP_KEY.search, part),
    server: writeKey(DHCP_KEY.server, part),
    lease: writeKey(DHCP_KEY.lease, part),
    nameserver: writeKey(`${DHCP_KEY.nameServer}/*`, part),
    route: writeKey(`${DHCP_KEY.route}/*`, part),
    commit: handledKey(
      DHCP_KEY.commit,
      textForm({ maxBytes: 256, write: commitText, read: parseCommit }),
      'lease',
    ),
  },
  options: json(parseOptions),
});
