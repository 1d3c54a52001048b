import { isSameHost } from '@local-datastore/shared/dns-sd/host-name';
import { createSubnetTest } from '@local-datastore/shared/net/interfaces';
import type { Bridge } from '../../discovery/bridges.ts';
import { printableText } from '../../discovery/printable-text.ts';
import type { Failure } from '../failure.ts';
import type { Given, WholeFile } from '../observations.ts';
import type { UrlForm } from '../url-form.ts';
import type { EveLookup } from './lookup.ts';
import type { EveTransfer, EveTransferRequest } from './transfer.ts';

/** Whether a stock EVE device can use the datastore, and how that was found. */
export interface EveReplay {
  readonly canUse: boolean;
  /** One clause, the subject of which is stock EVE. */
  readonly reason: string;
  /** Null when it can. */
  readonly failure: Failure | null;
  readonly caveats: readonly string[];
  /** Null: it did not come to that. */
  readonly lookup: EveLookup | null;
  readonly chosen: { readonly address: string; readonly bridge: Bridge } | null;
  readonly transfer: EveTransfer | null;
}

export interface EveReplayDeps {
  lookUp(hostName: string, bridges: readonly Bridge[], signal: AbortSignal): Promise<EveLookup>;
  transfer(request: EveTransferRequest): Promise<EveTransfer>;
}

export interface EveReplayRequest {
  /** Of a host on `.local`, valid. */
  readonly form: UrlForm;
  readonly given: Given;
  readonly bridges: readonly Bridge[];
  readonly authorization: string | null;
  readonly ca: string | null;
  readonly wholeFile: WholeFile | null;
  readonly signal: AbortSignal;
}

/** EVE: is the datastore a local one? (`strings.HasSuffix(serverURL, ".local")`, with or without the root) */
export function isLocalForEve({ writtenHost, writtenPort }: UrlForm): boolean {
  return writtenPort === null && /\.local\.?$/.test(writtenHost);
}

/**
 * EVE `findLocalDsSrc`: the first address that EVE itself gave to an app. Where EVE does not run, one in a bridge's
 * subnet that is not the bridge's own is taken for such.
 */
export function chooseAddress(addresses: readonly string[], bridges: readonly Bridge[]): EveReplay['chosen'] {
  for (const address of addresses) {
    const bridge = bridges.find(
      (each) =>
        each.assignedAddresses?.includes(address) ??
        (each.address !== address && createSubnetTest(each.cidr)(address)),
    );
    if (bridge !== undefined) return { address, bridge };
  }
  return null;
}

type Found = Pick<EveReplay, 'lookup' | 'chosen' | 'transfer'>;

const NOTHING: Found = { lookup: null, chosen: null, transfer: null };

function cannot(failure: Failure, reason: string, found: Found): EveReplay {
  return { canUse: false, reason, failure, caveats: found.transfer?.caveats ?? [], ...found };
}

function notFound(hostName: string, lookup: EveLookup): EveReplay {
  const why = [
    ...lookup.discarded.map((reason) => `it discards a whole message because ${reason}`),
    ...lookup.servicesWithoutIpv4.map((service) => `the answer for _${service}._tcp has no IPv4 address`),
  ];
  const because = why.length === 0 ? '' : ` (${why.join('; ')})`;
  const reason = `says "findDSmDNS: mDNS host not found for ${hostName}"${because}`;
  return cannot('datastoreNotFound', reason, { ...NOTHING, lookup });
}

/** What a wrong host, or a message with several instances, means. @returns undefined: neither */
function judgeTaken(hostName: string, lookup: EveLookup, found: Found): EveReplay | undefined {
  const taken = lookup.takenHostName ?? '';
  if (!isSameHost(taken, hostName)) {
    const reason = `takes the host "${printableText(taken)}" for ${hostName}, whose name it holds`;
    return cannot('datastoreNotFound', reason, found);
  }
  if (!lookup.canBlock) return undefined;
  const reason = 'can hang for ever: one message holds several instances of a service type';
  return cannot('datastoreNotFound', reason, found);
}

function judgeContent(
  { given, wholeFile }: EveReplayRequest,
  { sizeBytes }: EveTransfer,
): string | undefined {
  const known = wholeFile?.kind === 'read' ? wholeFile.sizeBytes : sizeBytes;
  if (given.sizeBytes !== null && known !== null && known !== given.sizeBytes) {
    return `fails because the file has ${known} bytes and maxSizeBytes says ${given.sizeBytes}`;
  }
  if (given.sha256 !== null && wholeFile?.kind === 'read' && wholeFile.sha256 !== given.sha256) {
    return `fails its check: the file has sha256 ${wholeFile.sha256}`;
  }
  return undefined;
}

function succeeded(transfer: EveTransfer, found: Found): EveReplay {
  const { chosen, lookup } = found;
  const reason =
    `finds ${chosen?.address} on ${chosen?.bridge.name} by _${lookup?.service}._tcp ` +
    `after ${((lookup?.elapsedMs ?? 0) / 1000).toFixed(1)} s and starts the download`;
  return { canUse: true, reason, failure: null, caveats: transfer.caveats, ...found };
}

/**
 * Makes the replay of what stock EVE does with an image of a local datastore, from the name to the bytes (EVE
 * `handleSyncOp`).
 *
 * @throws (the returned function) DiscoveryError `MDNS_UNAVAILABLE`; the signal's reason
 */
export function createEveReplay(deps: EveReplayDeps): (request: EveReplayRequest) => Promise<EveReplay> {
  return async (request) => {
    const { form, bridges, authorization, ca, signal } = request;
    const { url, writtenHost: hostName } = form;
    if (url === null || !isLocalForEve(form)) {
      const reason = `takes "${hostName}${form.writtenPort === null ? '' : `:${form.writtenPort}`}" for no local datastore`;
      return cannot('usage', reason, NOTHING);
    }
    if (bridges.length === 0) return cannot('usage', 'says "findDSmDNS: has no bridge interface"', NOTHING);
    const lookup = await deps.lookUp(hostName, bridges, signal);
    if (lookup.service === null) return notFound(hostName, lookup);
    const chosen = chooseAddress(lookup.addresses, bridges);
    if (chosen === null) {
      const reason = `says "findDSmDNS: source IP not found for [${lookup.addresses.join(' ')}]"`;
      return cannot('datastoreNotFound', reason, { ...NOTHING, lookup });
    }
    const wrong = judgeTaken(hostName, lookup, { lookup, chosen, transfer: null });
    if (wrong !== undefined) return wrong;
    if (authorization !== null && url.protocol === 'http:') {
      const reason = 'refuses to send the credential over plain HTTP, unless the device allows it';
      return cannot('usage', reason, { lookup, chosen, transfer: null });
    }
    const target = new URL(url);
    target.hostname = chosen.address;
    const sourceAddress = chosen.bridge.address;
    const transfer = await deps.transfer({ url: target, sourceAddress, authorization, ca, signal });
    const found = { lookup, chosen, transfer };
    if (transfer.failure !== null) return cannot('transferFailed', transfer.failure, found);
    const wrongContent = judgeContent(request, transfer);
    if (wrongContent !== undefined) return cannot('contentMismatch', wrongContent, found);
    return succeeded(transfer, found);
  };
}
