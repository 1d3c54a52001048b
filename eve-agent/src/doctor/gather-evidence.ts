// SPDX-License-Identifier: Apache-2.0
import { domainToUnicode } from 'node:url';
import type { Clock } from '@local-datastore/shared/clock';
import { digestOfHex } from '@local-datastore/shared/oci/digest';
import type { Bridge } from '../discovery/bridges.ts';
import { DiscoveryError } from '../discovery/discovery-error.ts';
import { addressUrl, type Origin } from '../discovery/origin.ts';
import { candidatesIn } from './as-eve/candidates.ts';
import type { EveReplay, EveReplayRequest } from './as-eve/replay.ts';
import type { Evidence } from './evidence.ts';
import { fileAnswer } from './file-answer.ts';
import { sightingsOf } from './host-records.ts';
import type {
  BridgeSelection,
  ConnectionEvidence,
  Given,
  LinkState,
  MulticastEvidence,
  OtherHost,
  Target,
  TlsEvidence,
} from './observations.ts';
import { type AskDeps, type AskRequest, askForFile } from './probes/ask-for-file.ts';
import { askForImage, type ImageQuestion } from './probes/ask-for-image.ts';
import { type ConnectRequest, portOf, socketHost, type TlsRequest } from './probes/connect.ts';
import type { ListenRequest } from './probes/listen.ts';
import { readWholeFile } from './probes/read-whole-file.ts';
import { readUrlForm } from './url-form.ts';

export interface DoctorRequest {
  /** As the user wrote it; of an image where its registry is. */
  readonly url: string;
  /** Null: the URL is the one of a file. */
  readonly image: ImageQuestion | null;
  readonly sha256: string | null;
  readonly sizeBytes: number | null;
  readonly authorization: string | null;
  /** PEM. */
  readonly ca: string | null;
  /** As given with `--bridge`. */
  readonly bridges: readonly string[];
  readonly listenMs: number;
  /** Whether to read the whole file. */
  readonly isFull: boolean;
  /** Whether to replay what stock EVE does. */
  readonly asEve: boolean;
  readonly signal: AbortSignal;
}

export interface DoctorDeps extends AskDeps {
  /** Bounds how long a manifest may take; absent: nothing does. */
  readonly clock?: Clock;
  /** @throws DiscoveryError `NO_BRIDGE` */
  selectBridges(names: readonly string[]): readonly Bridge[];
  readLinks(): Promise<readonly LinkState[] | null>;
  listen(request: ListenRequest): Promise<MulticastEvidence>;
  probeConnection(request: ConnectRequest): Promise<ConnectionEvidence>;
  probeTls(request: TlsRequest): Promise<TlsEvidence>;
  replayEve(request: EveReplayRequest): Promise<EveReplay>;
}

const CONNECT_TIMEOUT_MS = 10_000;
/** Of those that answer to the name; a hostile link cannot make us ask more. */
const MAX_OTHER_HOSTS = 3;

function selectBridges(deps: DoctorDeps, names: readonly string[], isNeeded: boolean): BridgeSelection {
  if (!isNeeded) return { kind: 'not-needed' };
  try {
    return { kind: 'selected', bridges: deps.selectBridges(names) };
  } catch (error) {
    if (error instanceof DiscoveryError && error.code === 'NO_BRIDGE') {
      return { kind: 'none', message: error.message };
    }
    throw error;
  }
}

/** A second, and what a busy responder takes. */
const QUIET_MS = 1500;

type Place = { readonly origin: Origin } | { readonly notFound: string };

/** Looks for the datastore just as a download does; what was heard before only explains it. */
async function locate(deps: DoctorDeps, asked: URL, signal: AbortSignal): Promise<Place> {
  try {
    return { origin: await deps.locate(asked, signal) };
  } catch (error) {
    const isExpected = error instanceof DiscoveryError && error.code !== 'MDNS_UNAVAILABLE';
    if (!isExpected) throw error;
    return { notFound: error.message };
  }
}

function targetOf(origin: Origin, bridges: readonly Bridge[]): Target {
  const { sourceAddress, bridgeName } = origin;
  const url = addressUrl(origin);
  const bridge = bridges.find(({ name, address }) => name === bridgeName && address === sourceAddress);
  return { url, location: bridge === undefined ? null : { address: socketHost(url), bridge } };
}

/** Asks the others that answer to the name: a download may come to any of them. */
async function askOthers(
  deps: DoctorDeps,
  request: AskRequest,
  target: Target,
  multicast: MulticastEvidence | null,
): Promise<OtherHost[]> {
  const others = new Map(
    (multicast === null ? [] : sightingsOf(multicast))
      .filter(({ address }) => address !== target.location?.address)
      .map(({ address, bridge }) => [address, bridge]),
  );
  return Promise.all(
    [...others].slice(0, MAX_OTHER_HOSTS).map(async ([address, bridge]): Promise<OtherHost> => {
      const origin: Origin = {
        ...request.origin,
        address,
        sourceAddress: bridge.address,
        bridgeName: bridge.name,
      };
      const { whole } = await askForFile(deps, { ...request, origin });
      return { address, bridge, isServing: fileAnswer({ whole }) !== null };
    }),
  );
}

const namesOf = ({ image: { name, repository, tag } }: ImageQuestion) => ({ name, repository, tag });

/** What is asked for as a download would, and what led to it. */
interface FileToAsk {
  /** Null: there is nothing to ask for. */
  readonly ask: AskRequest | null;
  readonly seen: Partial<Evidence>;
}

/** The file that the URL names; of an image the blob that stands for it, which the registry has to tell first. */
async function findFile(
  deps: DoctorDeps,
  request: DoctorRequest,
  asked: URL,
  { origin, target, given }: { origin: Origin; target: Target; given: Given },
): Promise<FileToAsk> {
  const { ca, authorization, signal, sizeBytes, sha256, image } = request;
  const common = { origin, ca, authorization, signal };
  if (image === null) {
    return { ask: { ...common, asked, sizeBytes, isDigestKnown: sha256 !== null }, seen: {} };
  }
  const { hostname } = target.url;
  const speaksTls = async () => {
    const place = { host: socketHost(target.url), port: portOf(target.url), timeoutMs: CONNECT_TIMEOUT_MS };
    const tls = { ...place, sourceAddress: origin.sourceAddress, name: hostname, ca, signal };
    return (await deps.probeTls(tls)).certificate !== null;
  };
  const { outcome, blob } = await askForImage(
    { ...deps, speaksTls },
    { ...image, authorization, ca, signal },
  );
  const told = { image: { ...namesOf(image), outcome } };
  if (blob === null) return { ask: null, seen: told };
  const { url } = blob;
  return {
    ask: {
      ...{ ...common, asked: url, origin: { ...origin, url }, authorization: blob.authorization },
      ...{ sizeBytes: blob.sizeBytes, isDigestKnown: true },
    },
    seen: {
      ...told,
      form: readUrlForm(url.href),
      given: { ...given, digest: blob.digest, sizeBytes: blob.sizeBytes },
      target: { ...target, url: addressUrl({ url, address: origin.address }) },
    },
  };
}

async function gatherFrom(
  deps: DoctorDeps,
  request: DoctorRequest,
  asked: URL,
  {
    origin,
    target,
    given,
    multicast,
  }: { origin: Origin; target: Target; given: Given; multicast: MulticastEvidence | null },
): Promise<Partial<Evidence>> {
  const { ca, signal } = request;
  const [host, port] = [socketHost(target.url), portOf(target.url)];
  const sourceAddress = origin.sourceAddress;
  const place = { host, port, sourceAddress, timeoutMs: CONNECT_TIMEOUT_MS, signal };
  const connection = await deps.probeConnection(place);
  if (connection.kind !== 'open') return { connection };
  const tls =
    target.url.protocol === 'https:' ? await deps.probeTls({ ...place, name: socketHost(asked), ca }) : null;
  const { ask, seen } = await findFile(deps, request, asked, { origin, target, given });
  if (ask === null) return { connection, tls, ...seen };
  const { fileRequest, ...http } = await askForFile(deps, ask);
  const otherHosts = await askOthers(deps, ask, target, multicast);
  const wholeFile =
    request.isFull && fileAnswer(http) !== null
      ? await readWholeFile(deps, fileRequest, seen.given?.digest?.algorithm ?? 'sha256')
      : null;
  return { connection, tls, ...seen, ...http, wholeFile, otherHosts };
}

/**
 * Probes a datastore from the URL to the bytes, as far as one step allows the next.
 *
 * @throws DiscoveryError `MDNS_UNAVAILABLE`; the signal's reason
 */
export async function gatherEvidence(deps: DoctorDeps, request: DoctorRequest): Promise<Evidence> {
  const form = readUrlForm(request.url);
  const { hostKind } = form;
  const asked = request.asEve ? form.urlForEve : form.url;
  const given: Given = {
    digest: request.sha256 === null ? null : digestOfHex(request.sha256),
    sizeBytes: request.sizeBytes,
    hasCa: request.ca !== null,
    hasAuthorization: request.authorization !== null,
  };
  const bridges = selectBridges(deps, request.bridges, asked !== null && hostKind === 'local');
  const nothing: Evidence = {
    ...{ probedAtMs: deps.now(), form, given, bridges, links: null, multicast: null, target: null },
    ...{ notFound: null, connection: null, tls: null, followed: [], refusedRedirect: null, whole: null },
    ...{ part: null, wholeFile: null, otherHosts: [], eve: null },
    image: request.image === null ? null : { ...namesOf(request.image), outcome: null },
  };
  if (asked === null) return nothing;
  const links = bridges.kind === 'not-needed' ? null : await deps.readLinks();
  const selected = bridges.kind === 'selected' ? bridges.bridges : [];
  const host = domainToUnicode(asked.hostname).replace(/\.$/, '');
  const multicast =
    selected.length === 0
      ? null
      : await deps.listen({
          ...{ host, port: portOf(asked), bridges: selected },
          ...{ listenMs: request.listenMs, signal: request.signal },
        });
  const place = bridges.kind === 'none' ? null : await locate(deps, asked, request.signal);
  let evidence: Evidence = { ...nothing, links, multicast };
  if (place !== null && 'notFound' in place) evidence = { ...evidence, notFound: place.notFound };
  else if (place !== null) {
    const { origin } = place;
    const target = targetOf(origin, selected);
    evidence = { ...evidence, target };
    evidence = {
      ...evidence,
      ...(await gatherFrom(deps, request, asked, { origin, target, given, multicast })),
    };
  }
  if (!request.asEve || hostKind !== 'local') return evidence;
  const { authorization, ca, signal } = request;
  // What was just answered to us is not multicast again for a second (RFC 6762 §6): EVE would miss it for our sake.
  await deps.delay(QUIET_MS, signal);
  const messages = (multicast?.heard ?? []).flatMap(({ wire }) => (typeof wire === 'string' ? [] : [wire]));
  const eve = await deps.replayEve({
    ...{ form, given, bridges: selected, authorization, ca, signal },
    ...{ wholeFile: evidence.wholeFile, candidates: candidatesIn(messages, form.writtenHost) },
  });
  return { ...evidence, eve };
}
