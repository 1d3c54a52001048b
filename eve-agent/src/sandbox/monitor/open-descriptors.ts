// SPDX-License-Identifier: Apache-2.0
import { closeSync } from 'node:fs';
import { encodeProgram } from '@local-datastore/shared/confinement/filters/bpf-program';
import { datagramFilter } from '@local-datastore/shared/confinement/filters/datagram-filter';
import { dhcpFilter } from '@local-datastore/shared/confinement/filters/dhcp-filter';
import type { HandedKind } from '@local-datastore/shared/confinement/launcher/calf';
import { openPacketSocket } from '@local-datastore/shared/confinement/system/packet-socket';
import { refuseGateways } from '@local-datastore/shared/confinement/system/sockets';
import { openUdpSocket, type UdpPlace } from '@local-datastore/shared/confinement/system/udp-socket';
import { ipVersion } from '@local-datastore/shared/net/ip-address';
import type { DescriptorDeclaration, DescriptorDeclarations } from '../sdk/manifest.ts';

/** An interface, whose frames are those for its own hardware address or for all. */
export interface FramesPlace {
  readonly interfaceIndex: number;
  /** As `02:00:00:00:00:01`. */
  readonly mac: string;
}

type PlaceOf<Declaration extends DescriptorDeclaration> = Declaration extends { readonly kind: 'frames' }
  ? FramesPlace
  : UdpPlace;

/** Where the descriptors of a manifest lead, by their names. */
export type Places<Declarations extends DescriptorDeclarations> = {
  readonly [Name in keyof Declarations]: PlaceOf<Declarations[Name]>;
};

export interface OpenedDescriptor {
  readonly fd: number;
  /** How it is handed over when the calf runs; null: the calf has it from its start. */
  readonly handed: HandedKind | null;
}

/** The descriptors of a manifest, which each calf that is started by it gets a duplicate of. */
export interface OpenedDescriptors {
  readonly byName: ReadonlyMap<string, OpenedDescriptor>;
  /** Idempotent. */
  close(): void;
}

/** What opens them; of the network namespace of this thread, unless others do. */
export interface DescriptorOpeners {
  readonly openPacketSocket: typeof openPacketSocket;
  readonly openUdpSocket: typeof openUdpSocket;
}

const SYSTEM_OPENERS: DescriptorOpeners = { openPacketSocket, openUdpSocket };

function openOne(
  declaration: DescriptorDeclaration,
  place: FramesPlace | UdpPlace,
  openers: DescriptorOpeners,
): OpenedDescriptor {
  if (declaration.kind === 'frames') {
    const { interfaceIndex, mac } = place as FramesPlace;
    const filter = encodeProgram(dhcpFilter(Buffer.from(mac.replaceAll(':', ''), 'hex')));
    const { waitMs } = declaration;
    return { fd: openers.openPacketSocket(interfaceIndex, filter, { waitMs }), handed: null };
  }
  const filter = encodeProgram(datagramFilter(declaration.filter));
  const { address = '' } = place as UdpPlace;
  const handed = ipVersion(address) === 6 ? 'udp6' : 'udp4';
  return { fd: openers.openUdpSocket(place as UdpPlace, filter), handed };
}

/**
 * Opens what a manifest says that a calf has.
 *
 * @throws SystemError what cannot be opened; nothing stays open then
 */
export function openDescriptors<Declarations extends DescriptorDeclarations>(
  declarations: Declarations,
  places: Places<Declarations>,
  openers: Partial<DescriptorOpeners> = {},
): OpenedDescriptors {
  const byName = new Map<string, OpenedDescriptor>();
  const close = () => {
    for (const { fd } of byName.values()) closeSync(fd);
    byName.clear();
  };
  try {
    for (const [name, declaration] of Object.entries(declarations)) {
      const place = places[name] as FramesPlace | UdpPlace;
      const opened = openOne(declaration, place, { ...SYSTEM_OPENERS, ...openers });
      byName.set(name, opened);
      if (declaration.kind === 'datagrams') refuseGateways(opened.fd);
    }
  } catch (error) {
    close();
    throw error;
  }
  return { byName, close };
}
