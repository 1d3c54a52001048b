import * as z from 'zod';

/**
 * The part of EVE's `NetworkInstanceStatus` (zedrouter) that says which bridge a network instance has, and
 * which addresses it handed to the apps there. Go writes absent lists as null, and older releases one address
 * (`IPv4Addr`) where newer ones have a list (`IPv4Addrs`).
 */
export const networkInstanceStatusSchema = z.looseObject({
  DisplayName: z.string().default(''),
  BridgeName: z.string().default(''),
  BridgeIPAddr: z.string().nullish(),
  IPAssignments: z
    .record(
      z.string(),
      z.looseObject({
        IPv4Addr: z.string().nullish(),
        IPv4Addrs: z.array(z.looseObject({ Address: z.string() })).nullish(),
      }),
    )
    .nullish(),
});

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
  const parsed = networkInstanceStatusSchema.safeParse(document);
  if (!parsed.success || parsed.data.BridgeName === '') return null;
  const { DisplayName, BridgeName, BridgeIPAddr, IPAssignments } = parsed.data;
  const assignedAddresses = Object.values(IPAssignments ?? {}).flatMap(({ IPv4Addr, IPv4Addrs }) => [
    ...(IPv4Addr ? [IPv4Addr] : []),
    ...(IPv4Addrs ?? []).map(({ Address }) => Address),
  ]);
  return {
    displayName: DisplayName,
    bridgeName: BridgeName,
    bridgeAddress: BridgeIPAddr ?? '',
    assignedAddresses: [...new Set(assignedAddresses)],
  };
}
