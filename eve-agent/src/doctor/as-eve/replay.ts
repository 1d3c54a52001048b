// SPDX-License-Identifier: Apache-2.0
import { createSubnetTest } from '@local-datastore/shared/net/ip-address';
import { printableText } from '@local-datastore/shared/text/printable-text';
import type { Bridge } from '../../discovery/bridges.ts';
import type { Failure } from '../failure.ts';
import type { Given, WholeFile } from '../observations.ts';
import type { UrlForm } from '../url-form.ts';
import { type Candidate, judgeRace } from './candidates.ts';
import type { EveLookup } from './lookup.ts';
import type { EveTransfer, EveTransferRequest } from './transfer.ts';
import type { EveVerdict, EveVerdicts, Outlook } from './verdict.ts';

/** Whether stock EVE can use the datastore, and how that was found. */
export interface EveReplay extends EveVerdicts {
  /** What goes wrong under conditions. */
  readonly caveats: readonly string[];
  /** Null: it did not come to that. */
  readonly lookup: EveLookup | null;
  readonly chosen: { readonly address: string; readonly bridge: Bridge } | null;
}

export interface EveReplayDeps {
  lookUp(hostName: string, bridges: readonly Bridge[], signal: AbortSignal): Promise<EveLookup>;
  transfer(request: EveTransferRequest): Promise<EveTransfer>;
}

export interface EveReplayRequest {
  /** Of a host on `.local`, valid for EVE. */
  readonly form: UrlForm;
  readonly given: Given;
  readonly bridges: readonly Bridge[];
  readonly authorization: string | null;
  readonly ca: string | null;
  readonly wholeFile: WholeFile | null;
  /** Whom EVE could take for the host, as far as that was heard before. */
  readonly candidates: readonly Candidate[];
  readonly signal: AbortSignal;
}

/** EVE: is the datastore a local one? (`strings.HasSuffix(serverURL, ".local")`, with or without the root) */
export function isLocalForEve({ writtenHost, writtenPort }: UrlForm): boolean {
  return writtenPort === null && /\.local\.?$/.test(writtenHost);
}

/**
 * EVE `findLocalDsSrc`: the first address that EVE itself gave to an app of a network instance that has a bridge
 * address. Where EVE does not run, one in a bridge's subnet that is not the bridge's own is taken for such.
 */
export function chooseAddress(addresses: readonly string[], bridges: readonly Bridge[]): EveReplay['chosen'] {
  for (const address of addresses) {
    const bridge = bridges.find(
      (each) =>
        each.assignedAddresses?.includes(address) ??
        (each.address !== address && createSubnetTest(each.cidr)(address)),
    );
    // That of a switch network instance is empty, whatever addresses the kernel's bridge has.
    if (bridge !== undefined && bridge.eveAddress !== '') return { address, bridge };
  }
  return null;
}

/** What one kind of EVE fares with; `whenInterrupted` comes later. */
type Fate = Pick<EveVerdict, 'outlook' | 'reason' | 'failure' | 'advice'>;
type Found = Pick<EveReplay, 'lookup' | 'chosen' | 'caveats'>;

const NOTHING: Found = { lookup: null, chosen: null, caveats: [] };

const cannot = (failure: Failure, reason: string, advice: string | null = null): Fate => ({
  outlook: 'will-not',
  reason,
  failure,
  advice,
});

/** What to do where EVE takes none of the addresses. */
function addressAdvice(addresses: readonly string[], bridges: readonly Bridge[]): string {
  const own = bridges.find(({ address }) => addresses.includes(address));
  return own === undefined
    ? 'let the datastore have the address that EVE assigned to its app (DHCP of the network instance)'
    : `let the datastore run as an app or VM with an address of its own on ${own.name}: ${own.address} is that of the host itself`;
}

function conclude(
  current: Fate,
  older: Fate,
  found: Found,
  interrupted: { current: string | null; older: string | null } = { current: null, older: null },
): EveReplay {
  return {
    current: { eve: 'EVE 16 and later', ...current, whenInterrupted: interrupted.current },
    older: { eve: 'EVE 14.5 and older', ...older, whenInterrupted: interrupted.older },
    ...found,
  };
}

const alike = (fate: Fate, found: Found) => conclude(fate, fate, found);

function notFound(hostName: string, lookup: EveLookup): Fate {
  const why = [
    ...lookup.discarded.map((reason) => `it discards a whole message because ${reason}`),
    ...lookup.servicesWithoutIpv4.map((service) => `the answer for _${service}._tcp has no IPv4 address`),
    ...lookup.quietedServices.map(
      (service) => `another host’s answer came first, after which it asks for _${service}._tcp no more`,
    ),
    ...lookup.droppedHostNames.map(
      (name) => `it drops "${printableText(name)}", whose instance name it had heard of another host`,
    ),
  ];
  const because = why.length === 0 ? '' : ` (${why.join('; ')})`;
  return cannot('datastoreNotFound', `says "findDSmDNS: mDNS host not found for ${hostName}"${because}`);
}

function judgeContent(
  { given, wholeFile }: EveReplayRequest,
  { sizeBytes }: EveTransfer,
): string | undefined {
  const known = wholeFile?.kind === 'read' ? wholeFile.sizeBytes : sizeBytes;
  if (given.sizeBytes !== null && known !== null && known !== given.sizeBytes) {
    return `fails because the file has ${known} bytes and maxSizeBytes says ${given.sizeBytes}`;
  }
  if (given.digest !== null && wholeFile?.kind === 'read' && wholeFile.digest.hex !== given.digest.hex) {
    return `fails its check: the file has sha256 ${wholeFile.digest.hex}`;
  }
  return undefined;
}

/** What becomes of the download that was started. */
function fateOf(request: EveReplayRequest, transfer: EveTransfer, success: Fate): Fate {
  if (transfer.failure !== null) return cannot('transferFailed', transfer.failure);
  const wrongContent = judgeContent(request, transfer);
  return wrongContent === undefined ? success : cannot('contentMismatch', wrongContent);
}

const PLAIN_CREDENTIAL = cannot(
  'usage',
  'refuses to send the credential over plain HTTP, unless the device allows it',
);
const OLDER_WHEN_INTERRUPTED = 'starts from the beginning';

/**
 * Makes the replay of what stock EVE does with an image of a local datastore, from the name to the bytes (EVE
 * `handleSyncOp`).
 *
 * @throws (the returned function) DiscoveryError `MDNS_UNAVAILABLE`; the signal's reason
 */
export function createEveReplay(deps: EveReplayDeps): (request: EveReplayRequest) => Promise<EveReplay> {
  /** @returns how the transfer goes for either kind: EVE 14.5 and older sends no credential */
  async function transferAs(request: EveReplayRequest, found: NonNullable<EveReplay['chosen']>) {
    const { ca, signal, authorization } = request;
    const target = new URL(request.form.urlForEve as URL);
    target.hostname = found.address;
    const sourceAddress = found.bridge.eveAddress ?? found.bridge.address;
    const run = (credential: string | null) =>
      deps.transfer({ url: target, sourceAddress, authorization: credential, ca, signal });
    const older = await run(null);
    if (authorization === null) return { older, current: older };
    return { older, current: target.protocol === 'http:' ? null : await run(authorization) };
  }

  return async (request) => {
    const { form, bridges, signal } = request;
    const { writtenHost: hostName } = form;
    if (form.urlForEve === null || !isLocalForEve(form)) {
      const host = `${hostName}${form.writtenPort === null ? '' : `:${form.writtenPort}`}`;
      return alike(cannot('usage', `takes "${host}" for no local datastore`), NOTHING);
    }
    if (bridges.length === 0)
      return alike(cannot('usage', 'says "findDSmDNS: has no bridge interface"'), NOTHING);
    const lookup = await deps.lookUp(hostName, bridges, signal);
    const { service, takenHostName, addresses } = lookup;
    if (service === null || takenHostName === null)
      return alike(notFound(hostName, lookup), { ...NOTHING, lookup });
    const candidates = [...request.candidates, ...lookup.candidates];
    const race = judgeRace({ hostName: takenHostName, service, addresses }, candidates, hostName);
    if (race.kind === 'lost') {
      const reason = `takes the host "${printableText(race.rival)}" for ${hostName}, whose name it holds`;
      const found = { ...NOTHING, lookup, chosen: chooseAddress(addresses, bridges) };
      return alike(cannot('datastoreNotFound', reason), found);
    }
    const chosen = chooseAddress(race.addresses, bridges);
    if (chosen === null) {
      const reason = `says "findDSmDNS: source IP not found for [${race.addresses.join(' ')}]"`;
      const advice = addressAdvice(race.addresses, bridges);
      return alike(cannot('datastoreNotFound', reason, advice), { ...NOTHING, lookup });
    }

    const { current, older } = await transferAs(request, chosen);
    const leak = 'each lookup leaks a socket: one message holds several instances of a service type';
    const caveats = [...(lookup.leaksSocket ? [leak] : []), ...(current ?? older).caveats];
    const way = `${chosen.address} on ${chosen.bridge.name} by _${service}._tcp`;
    const outlook: Outlook = race.kind === 'toss' ? 'may' : 'will';
    const success: Fate =
      race.kind === 'toss'
        ? {
            outlook,
            reason: `finds ${way}, or takes the host "${printableText(race.rival)}" for ${hostName}, whose name it holds: chance decides, each time anew`,
            failure: 'datastoreNotFound',
            advice: null,
          }
        : {
            outlook,
            reason: `finds ${way} after ${(lookup.elapsedMs / 1000).toFixed(1)} s and starts the download`,
            failure: null,
            advice: null,
          };
    const currentFate = current === null ? PLAIN_CREDENTIAL : fateOf(request, current, success);
    const olderFate = fateOf(request, older, success);
    const resume = currentFate.outlook === 'will-not' ? null : (current?.resume ?? null);
    const isOlderInterruptible = olderFate.outlook !== 'will-not' && older.resume !== null;
    return conclude(
      currentFate,
      olderFate,
      {
        lookup,
        chosen,
        caveats:
          resume === null || resume.isSound
            ? caveats
            : [...caveats, `when interrupted, EVE 16 and later ${resume.outcome}`],
      },
      {
        current: resume?.outcome ?? null,
        older: isOlderInterruptible ? OLDER_WHEN_INTERRUPTED : null,
      },
    );
  };
}
