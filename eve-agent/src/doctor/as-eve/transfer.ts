import { isIP } from 'node:net';
import { DOCTOR_PRODUCT } from '@local-datastore/shared/http/products';
import { type HeaderFields, singleValue } from '../../download/validators.ts';
import { socketHost } from '../probes/connect.ts';
import type { ExchangeOutcome, ExchangeRequest } from '../probes/exchange.ts';

/** How stock EVE's download went, as far as it was replayed (eve-libs `zedUpload/httputil`). */
export interface EveTransfer {
  /** Null: what came is a file. */
  readonly failure: string | null;
  /** Null: the datastore does not say it before the end. */
  readonly sizeBytes: number | null;
  /** What goes wrong under conditions. */
  readonly caveats: readonly string[];
}

export interface EveTransferRequest {
  /** With the address in place of the name. */
  readonly url: URL;
  readonly sourceAddress: string;
  readonly authorization: string | null;
  readonly ca: string | null;
  readonly signal: AbortSignal;
}

export type SendExchange = (request: ExchangeRequest) => Promise<ExchangeOutcome>;

/** EVE: what its downloader calls itself on amd64; and, for the datastore, that it was not EVE. */
const USER_AGENT = `UnityNetworkReporter/ (linux amd64) ${DOCTOR_PRODUCT}`;
/** EVE `chunkSize`: the transfer is broken off after the first, to see whether it would go on. */
const CHUNK_BYTES = 64 * 1024;
/** EVE waits 5 minutes for a header; a person does not. */
const STALL_TIMEOUT_MS = 30_000;
/** Go's `http.Client`. */
const MAX_REDIRECTS = 10;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

type Answered = Extract<ExchangeOutcome, { kind: 'answered' }>;

const failed = (failure: string): EveTransfer => ({ failure, sizeBytes: null, caveats: [] });

/** Go: `resp.Header.Get` reads the first of several. */
function firstValue(headers: HeaderFields, name: string): string | null {
  const value = headers[name];
  return (typeof value === 'string' ? value : value?.[0]) ?? null;
}

const supportsRanges = ({ headers }: Answered) => firstValue(headers, 'accept-ranges') === 'bytes';

/** What the answer to EVE's `Range: bytes=N-` means for a download that was interrupted. */
export function resumeCaveat(whole: Answered, part: ExchangeOutcome, position: number): string | null {
  if (part.kind === 'failed') return `an interrupted download cannot go on: ${part.message}`;
  if (part.statusCode !== 206) {
    return `an interrupted download fails for good: status ${part.statusCode} to a range request`;
  }
  if (!supportsRanges(part)) {
    return 'an interrupted download ends short and fails its check: "Accept-Ranges: bytes" is missing on the 206';
  }
  const contentRange = singleValue(part.headers, 'content-range') ?? '';
  if (!contentRange.toLowerCase().startsWith(`bytes ${position}-`)) {
    return `an interrupted download is put together wrong: asked for byte ${position} and on, got "${contentRange}"`;
  }
  const [before, after] = [whole, part].map(({ headers }) => firstValue(headers, 'last-modified') ?? '');
  return before === after ? null : 'Last-Modified differs from answer to answer: EVE starts over each time';
}

/** EVE and Go unpack gzip alone, and store anything else as it comes. */
function encodingCaveat(headers: HeaderFields): { failure: string | null; caveat: string | null } {
  const encoding = (firstValue(headers, 'content-encoding') ?? 'identity').toLowerCase();
  if (encoding === 'identity') return { failure: null, caveat: null };
  if (encoding !== 'gzip') return { failure: `stores the file as "${encoding}" packed it`, caveat: null };
  return {
    failure: null,
    caveat: 'the file is sent gzipped: size and sha256 must be those of the unpacked one',
  };
}

/** Makes the download as stock EVE starts it: a GET, broken off after the first chunk, and the resume. */
export function createEveTransfer(send: SendExchange): (request: EveTransferRequest) => Promise<EveTransfer> {
  return async ({ url, sourceAddress, authorization, ca, signal }) => {
    const get = (target: URL, headers: Record<string, string>, maxBytes: number) =>
      send({
        url: target,
        headers: {
          host: target.host,
          'user-agent': USER_AGENT,
          'content-type': 'application/octet-stream',
          ...(authorization !== null && { authorization }),
          ...headers,
        },
        sourceAddress,
        ca,
        stallTimeoutMs: STALL_TIMEOUT_MS,
        maxBytes,
        signal,
      });

    let target = url;
    let whole = await get(target, { 'accept-encoding': 'gzip' }, CHUNK_BYTES);
    for (let redirects = 1; whole.kind === 'answered' && REDIRECTS.has(whole.statusCode); redirects += 1) {
      const location = firstValue(whole.headers, 'location') ?? '';
      const next = URL.canParse(location, target.href) ? new URL(location, target) : null;
      if (next === null || redirects > MAX_REDIRECTS)
        return failed(`cannot follow the redirect to "${location}"`);
      if (isIP(socketHost(next)) === 0) {
        return failed(`is redirected to ${next.host}, which it does not look up by multicast DNS again`);
      }
      target = next;
      whole = await get(target, { 'accept-encoding': 'gzip' }, CHUNK_BYTES);
    }
    if (whole.kind === 'failed') return failed(`gets no answer: ${whole.message}`);
    if (whole.statusCode !== 200) return failed(`gets "bad response code: ${whole.statusCode}"`);

    const { failure, caveat } = encodingCaveat(whole.headers);
    const caveats = caveat === null ? [] : [caveat];
    const length = caveat === null ? singleValue(whole.headers, 'content-length') : null;
    const sizeBytes = length === null ? null : Number(length);
    const position = Math.min(CHUNK_BYTES, Math.floor((sizeBytes ?? whole.receivedBytes) / 2));
    if (failure === null && position > 0) {
      if (supportsRanges(whole)) {
        // Go offers no gzip with a range.
        const part = await get(target, { range: `bytes=${position}-` }, 1);
        const resume = resumeCaveat(whole, part, position);
        if (resume !== null) caveats.push(resume);
      } else caveats.push('an interrupted download starts from the beginning: no "Accept-Ranges: bytes"');
    }
    return { failure, sizeBytes, caveats };
  };
}
