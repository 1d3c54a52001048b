// SPDX-License-Identifier: Apache-2.0
import { isIP } from 'node:net';
import { DOCTOR_PRODUCT } from '@local-datastore/shared/http/products';
import { type HeaderFields, singleValue } from '../../transfer/validators.ts';
import { socketHost } from '../probes/connect.ts';
import type { ExchangeOutcome, ExchangeRequest } from '../probes/exchange.ts';

/** How stock EVE's download went, as far as it was replayed (eve-libs `zedUpload/httputil`). */
export interface EveTransfer {
  /** Null: what came is a file. */
  readonly failure: string | null;
  /** Null: the datastore does not say it before the end. */
  readonly sizeBytes: number | null;
  /** What goes wrong under conditions, with any stock EVE. */
  readonly caveats: readonly string[];
  /** Null: it did not come to that, or the file is too small to be interrupted. */
  readonly resume: EveResume | null;
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

const failed = (failure: string): EveTransfer => ({ failure, sizeBytes: null, caveats: [], resume: null });

/** Go: `resp.Header.Get` reads the first of several. */
function firstValue(headers: HeaderFields, name: string): string | null {
  const value = headers[name];
  return (typeof value === 'string' ? value : value?.[0]) ?? null;
}

const supportsRanges = ({ headers }: Answered) => firstValue(headers, 'accept-ranges') === 'bytes';

/** How EVE 16 and later goes on with a download that was interrupted. */
export interface EveResume {
  readonly isSound: boolean;
  /** One clause, the subject of which is that EVE. */
  readonly outcome: string;
}

const unsound = (outcome: string): EveResume => ({ isSound: false, outcome });

/**
 * What the answer to `Range: bytes=N-` means, which EVE 16 and later sends whenever it has saved progress, whatever
 * the first answer said. On the 206 it goes by `Accept-Ranges`: without it, it takes the part for the whole and
 * throws its first N bytes away. `Content-Range` and `Last-Modified` it does not look at.
 */
export function judgeResume(part: ExchangeOutcome, position: number): EveResume {
  if (part.kind === 'failed') return unsound(`cannot go on: ${part.message}`);
  if (part.statusCode !== 206) {
    return unsound(`fails for good: "bad response code: ${part.statusCode}" at every later try`);
  }
  if (!supportsRanges(part)) {
    return unsound('ends short and fails its check: "Accept-Ranges: bytes" is missing on the 206');
  }
  const contentRange = singleValue(part.headers, 'content-range') ?? '';
  if (!contentRange.toLowerCase().startsWith(`bytes ${position}-`)) {
    return unsound(`puts it together wrong: asked for byte ${position} and on, it gets "${contentRange}"`);
  }
  return { isSound: true, outcome: 'goes on from where it was' };
}

/** Labels that say of no coding that would have to be undone. */
const NO_CODING = /^(?:identity|none|utf-8)?$/i;

/** Go unpacks what is labelled just `gzip`, and EVE stores anything else as it comes. */
function describeCoding(headers: HeaderFields): { isUnpacked: boolean; caveats: string[] } {
  const coding = firstValue(headers, 'content-encoding') ?? '';
  if (NO_CODING.test(coding)) return { isUnpacked: false, caveats: [] };
  if (coding.toLowerCase() === 'gzip') {
    const caveat = 'the file is sent gzipped: size and sha256 must be those of the unpacked one';
    return { isUnpacked: true, caveats: [caveat] };
  }
  const caveat = `stores the file as it comes, labelled "${coding}": size and sha256 must be those of what is sent`;
  return { isUnpacked: false, caveats: [caveat] };
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

    const { isUnpacked, caveats } = describeCoding(whole.headers);
    const length = isUnpacked ? null : singleValue(whole.headers, 'content-length');
    const sizeBytes = length === null ? null : Number(length);
    const position = Math.min(CHUNK_BYTES, Math.floor((sizeBytes ?? whole.receivedBytes) / 2));
    let resume: EveResume | null = null;
    if (isUnpacked) resume = unsound('never recovers: the bytes that it has are not those that are sent');
    // Go offers no gzip with a range.
    else if (position > 0)
      resume = judgeResume(await get(target, { range: `bytes=${position}-` }, 1), position);
    return { failure: null, sizeBytes, caveats, resume };
  };
}
