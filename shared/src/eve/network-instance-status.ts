// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';

/** The addresses of one app: a list, in older releases one, in the oldest as a text by itself. */
const createAssignmentSchema = () =>
  z.union([
    z.string().transform((address) => [address]),
    z
      .looseObject({
        IPv4Addr: z.string().catch(''),
        IPv4Addrs: z
          .array(z.looseObject({ Address: z.string() }).catch({ Address: '' }))
          .nullish()
          .catch(null),
      })
      .transform(({ IPv4Addr, IPv4Addrs }) => [IPv4Addr, ...(IPv4Addrs ?? []).map(({ Address }) => Address)]),
  ]);

/**
 * The part of EVE's `NetworkInstanceStatus` (zedrouter) that says which bridge a network instance has, and
 * which addresses it handed to the apps there. Go writes absent lists as null. What of the addresses cannot be
 * read is left out: the bridge counts all the same.
 */
const createStatusSchema = () =>
  z.looseObject({
    DisplayName: z.string().catch(''),
    BridgeName: z.string().catch(''),
    BridgeIPAddr: z.string().catch(''),
    IPAssignments: z.record(z.string(), createAssignmentSchema().catch([])).catch({}),
  });

/** Made when EVE has said something: most commands run where it never does. */
let statusSchema: ReturnType<typeof createStatusSchema> | undefined;

/** A network instance with a bridge. */
export interface NetworkInstance {
  readonly displayName: string;
  /** Such as `bn1`. */
  readonly bridgeName: string;
  /** '' where the bridge has none: a switch network instance. */
  readonly bridgeAddress: string;
  /** IPv4 addresses of apps, as EVE assigned them. */
  readonly assignedAddresses: readonly string[];
}

/** @returns null for a document that is none, or of an instance without a bridge */
export function parseNetworkInstance(document: unknown): NetworkInstance | null {
  statusSchema ??= createStatusSchema();
  const parsed = statusSchema.safeParse(document);
  if (!parsed.success || parsed.data.BridgeName === '') return null;
  const { DisplayName, BridgeName, BridgeIPAddr, IPAssignments } = parsed.data;
  const assignedAddresses = Object.values(IPAssignments)
    .flat()
    .filter((address) => address !== '');
  return {
    displayName: DisplayName,
    bridgeName: BridgeName,
    bridgeAddress: BridgeIPAddr,
    assignedAddresses: [...new Set(assignedAddresses)],
  };
}
