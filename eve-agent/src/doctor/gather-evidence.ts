import { domainToUnicode } from 'node:url';
import { DOCTOR_PRODUCT } from '@local-datastore/shared/http/products';
import type { Bridge } from '../discovery/bridges.ts';
import { DiscoveryError } from '../discovery/discovery-error.ts';
import { singleValue } from '../download/validators.ts';
import { candidatesIn } from './as-eve/candidates.ts';
import type { EveReplay, EveReplayRequest } from './as-eve/replay.ts';
import { type Evidence, MAX_REDIRECTS } from './evidence.ts';
import { fileAnswer } from './file-answer.ts';
import { sightingsOf } from './host-records.ts';
import type {
  BridgeSelection,
  ConnectionEvidence,
  Exchange,
  Given,
  LinkState,
  MulticastEvidence,
  Target,
  TlsEvidence,
  WholeFile,
} from './observations.ts';
import { type ConnectRequest, portOf, socketHost, type TlsRequest } from './probes/connect.ts';
import type { ExchangeOutcome, ExchangeRequest } from './probes/exchange.ts';
import type { ListenRequest } from './probes/listen.ts';
import { readUrlForm } from './url-form.ts';

export interface DoctorRequest {
  /** As the user wrote it. */
  readonly url: string;
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

export interface DoctorDeps {
  /** @throws DiscoveryError `NO_BRIDGE` */
  selectBridges(names: readonly string[]): readonly Bridge[];
  readLinks(): Promise<readonly LinkState[] | null>;
  listen(request: ListenRequest): Promise<MulticastEvidence>;
  probeConnection(request: ConnectRequest): Promise<ConnectionEvidence>;
  probeTls(request: TlsRequest): Promise<TlsEvidence>;
  exchange(request: ExchangeRequest): Promise<ExchangeOutcome>;
  hashWholeFile(request: Omit<ExchangeRequest, 'maxBytes' | 'onBytes'>): Promise<WholeFile>;
  replayEve(request: EveReplayRequest): Promise<EveReplay>;
  /** Wall clock, in milliseconds since 1970. */
  now(): number;
}

const CONNECT_TIMEOUT_MS = 10_000;
const STALL_TIMEOUT_MS = 20_000;
/** Of the file, to see that bytes do come. */
const HEAD_BYTES = 64 * 1024;

/** What the agent sends with a download; only the name is the doctor's, so that a datastore knows its probes. */
const HEADERS = { 'user-agent': DOCTOR_PRODUCT, accept: '*/*', 'accept-encoding': 'identity' };

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

/** The first sound answer, as the agent takes it. */
function targetOf(url: URL, multicast: MulticastEvidence | null, bridges: BridgeSelection): Target | null {
  if (bridges.kind === 'not-needed') return { url, location: null };
  const [first] = multicast === null ? [] : sightingsOf(multicast);
  if (first === undefined) return null;
  const found = new URL(url);
  found.hostname = first.address;
  return { url: found, location: { address: first.address, bridge: first.bridge } };
}

/** Where a redirect leads when it stays on the datastore's own host; null: elsewhere, or it is none. */
function ownRedirect(answer: Exchange, asked: URL, target: URL): URL | null {
  if (answer.kind !== 'answered' || ![301, 302, 303, 307, 308].includes(answer.statusCode)) return null;
  const location = singleValue(answer.headers, 'location');
  const next = location === null ? null : URL.parse(location, asked.href);
  if (next === null || next.host !== asked.host || next.protocol !== asked.protocol) return null;
  next.hostname = target.hostname;
  return next;
}

/** What is sent in every request to one target. */
type Send = (url: URL, headers: Record<string, string>, maxBytes: number | null) => Promise<Exchange>;

interface HttpEvidence {
  readonly followed: readonly string[];
  readonly whole: Exchange;
  readonly part: Exchange | null;
  /** Where the file is. */
  readonly fileUrl: URL;
}

async function askForFile(send: Send, asked: URL, target: URL): Promise<HttpEvidence> {
  const followed: string[] = [];
  let fileUrl = target;
  let whole = await send(fileUrl, {}, HEAD_BYTES);
  for (let next = ownRedirect(whole, asked, target); next !== null && followed.length < MAX_REDIRECTS; ) {
    followed.push(next.pathname + next.search);
    fileUrl = next;
    whole = await send(fileUrl, {}, HEAD_BYTES);
    next = ownRedirect(whole, asked, target);
  }
  const answer = fileAnswer({ whole });
  const sizeBytes = Number(singleValue(answer?.headers ?? {}, 'content-length') ?? 0);
  const position = Math.min(HEAD_BYTES, Math.floor(sizeBytes / 2));
  const part = position > 0 ? await send(fileUrl, { range: `bytes=${position}-` }, 1) : null;
  return { followed, whole, part, fileUrl };
}

async function gatherFrom(deps: DoctorDeps, request: DoctorRequest, asked: URL, target: Target) {
  const { ca, authorization, signal } = request;
  const sourceAddress = target.location?.bridge.address ?? null;
  const [host, port] = [socketHost(target.url), portOf(target.url)];
  const place = { host, port, sourceAddress, timeoutMs: CONNECT_TIMEOUT_MS, signal };
  const connection = await deps.probeConnection(place);
  if (connection.kind !== 'open') return { connection };
  let tls: TlsEvidence | null = null;
  if (target.url.protocol === 'https:') {
    tls = await deps.probeTls({ ...place, name: socketHost(asked), ca });
    // A credential goes to nobody whose certificate is not right.
    if (tls.certificate?.isForAddress !== true || tls.chainError !== null) return { connection, tls };
  }
  const common = { sourceAddress, ca, stallTimeoutMs: STALL_TIMEOUT_MS, signal };
  const headersOf = (url: URL) => ({
    ...HEADERS,
    host: url.host,
    ...(authorization !== null && { authorization }),
  });
  const send: Send = async (url, headers, maxBytes) => {
    const all = { ...headersOf(url), ...headers };
    const outcome = await deps.exchange({ ...common, url, headers: all, maxBytes });
    if (outcome.kind === 'failed') return outcome;
    const { statusCode, headers: fields, receivedAtMs } = outcome;
    const rangeStart = headers.range === undefined ? null : Number(/\d+/.exec(headers.range)?.[0]);
    return { kind: 'answered', statusCode, headers: fields, rangeStart, receivedAtMs };
  };
  const { fileUrl, ...http } = await askForFile(send, asked, target.url);
  const wholeFile =
    request.isFull && fileAnswer(http) !== null
      ? await deps.hashWholeFile({ ...common, url: fileUrl, headers: headersOf(fileUrl) })
      : null;
  return { connection, tls, ...http, wholeFile };
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
    sha256: request.sha256,
    sizeBytes: request.sizeBytes,
    hasCa: request.ca !== null,
    hasAuthorization: request.authorization !== null,
  };
  const bridges = selectBridges(deps, request.bridges, asked !== null && hostKind === 'local');
  const nothing: Evidence = {
    ...{ probedAtMs: deps.now(), form, given, bridges, links: null, multicast: null, target: null },
    ...{ connection: null, tls: null, followed: [], whole: null, part: null, wholeFile: null, eve: null },
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
  const target = targetOf(asked, multicast, bridges);
  const fromTarget = target === null ? {} : await gatherFrom(deps, request, asked, target);
  const evidence: Evidence = { ...nothing, links, multicast, target, ...fromTarget };
  if (!request.asEve || hostKind !== 'local') return evidence;
  const { authorization, ca, signal } = request;
  const messages = (multicast?.heard ?? []).flatMap(({ wire }) => (typeof wire === 'string' ? [] : [wire]));
  const eve = await deps.replayEve({
    ...{ form, given, bridges: selected, authorization, ca, signal },
    ...{ wholeFile: evidence.wholeFile, candidates: candidatesIn(messages, form.writtenHost) },
  });
  return { ...evidence, eve };
}
