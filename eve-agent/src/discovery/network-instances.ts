import { readdirSync, readFileSync, statSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { join } from 'node:path';
import * as z from 'zod';

/** What EVE's zedrouter says of one of its network instances. */
export interface NetworkInstance {
  /** The kernel's name, such as `bn1`. */
  readonly bridgeName: string;
  /** The IPv4 addresses that EVE gave to apps on it. */
  readonly assignedAddresses: readonly string[];
}

/** Where zedrouter publishes one document an instance while EVE runs. */
export const NETWORK_INSTANCE_FOLDER = '/run/zedrouter/NetworkInstanceStatus';
const MAX_DOCUMENTS = 256;
const MAX_DOCUMENT_BYTES = 1024 * 1024;

/** Go's JSON of `types.NetworkInstanceStatus`, which has had one address an app, and then several. */
const statusSchema = z.object({
  BridgeName: z.string().min(1).max(15),
  IPAssignments: z
    .record(
      z.string(),
      z.object({
        IPv4Addr: z.string().nullish(),
        IPv4Addrs: z.array(z.object({ Address: z.string().nullish() })).nullish(),
      }),
    )
    .nullish(),
});

/** @returns undefined when the text is no such document, or the instance has no bridge (yet) */
export function parseNetworkInstance(text: string): NetworkInstance | undefined {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return undefined;
  }
  const status = statusSchema.safeParse(document);
  if (!status.success) return undefined;
  const assigned = Object.values(status.data.IPAssignments ?? {}).flatMap(({ IPv4Addr, IPv4Addrs }) => [
    IPv4Addr,
    ...(IPv4Addrs ?? []).map(({ Address }) => Address),
  ]);
  return {
    bridgeName: status.data.BridgeName,
    assignedAddresses: assigned.filter(
      (address) => typeof address === 'string' && isIPv4(address),
    ) as string[],
  };
}

/** @returns none where EVE does not run; a document that is being replaced, or of another form, is passed over */
export function readNetworkInstances(folder = NETWORK_INSTANCE_FOLDER): NetworkInstance[] {
  let names: string[];
  try {
    names = readdirSync(folder).filter((name) => name.endsWith('.json'));
  } catch {
    return [];
  }
  return names.slice(0, MAX_DOCUMENTS).flatMap((name) => {
    const file = join(folder, name);
    try {
      if (statSync(file).size > MAX_DOCUMENT_BYTES) return [];
      return [parseNetworkInstance(readFileSync(file, 'utf8')) ?? []].flat();
    } catch {
      return [];
    }
  });
}
