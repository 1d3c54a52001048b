// SPDX-License-Identifier: Apache-2.0
import { CodedError } from '@local-datastore/shared/errors';
import type { LogLine } from './container-engine.ts';

/** What an engine sent is no log of a container. */
export class LogError extends CodedError<'LOG_INVALID'> {}

/** Longer lines come in pieces of this size, which is also where engines cut them. */
const MAX_LINE_BYTES = 16 * 1024;
/** Engine API, "Attach to a container", Stream format: type, three zeros, length in network order. */
const FRAME_HEADER_BYTES = 8;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const TIME = /^(\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)) ?/;

type Stream = LogLine['stream'];

interface Piece {
  readonly stream: Stream;
  readonly bytes: Uint8Array;
}

/** @throws LogError */
function streamOf(header: Uint8Array): Stream {
  const [type = -1, ...zeros] = header.subarray(0, 4);
  if (type < 0 || type > 3 || zeros.some((zero) => zero !== 0)) {
    throw new LogError('LOG_INVALID', 'the container engine sends a log that is not framed');
  }
  return type >= 2 ? 'stderr' : 'stdout';
}

/** Takes frames apart as they come: no frame is held whole, whatever length it claims. */
async function* readFrames(source: AsyncIterable<Uint8Array>): AsyncGenerator<Piece> {
  let header = new Uint8Array(0);
  let stream: Stream = 'stdout';
  let left = 0;
  for await (const chunk of source) {
    let at = 0;
    while (at < chunk.length) {
      if (left === 0) {
        const part = chunk.subarray(at, at + FRAME_HEADER_BYTES - header.length);
        header = Buffer.concat([header, part]);
        at += part.length;
        if (header.length < FRAME_HEADER_BYTES) break;
        stream = streamOf(header);
        left = Buffer.from(header).readUInt32BE(4);
        header = new Uint8Array(0);
        continue;
      }
      const bytes = chunk.subarray(at, at + left);
      at += bytes.length;
      left -= bytes.length;
      yield { stream, bytes };
    }
  }
}

async function* readTerminal(source: AsyncIterable<Uint8Array>): AsyncGenerator<Piece> {
  for await (const bytes of source) yield { stream: 'stdout', bytes };
}

function toLine(stream: Stream, bytes: Buffer, hasTimes: boolean): LogLine {
  const end = bytes.at(-1) === CARRIAGE_RETURN ? bytes.length - 1 : bytes.length;
  const text = bytes.toString('utf8', 0, end);
  const time = hasTimes ? TIME.exec(text) : null;
  return { stream, text: text.slice(time?.[0].length ?? 0), at: time?.[1] ?? null };
}

/**
 * The lines of a container's log, as `GET /containers/ID/logs` sends it.
 *
 * @param form `hasTerminal`: the container has one, and its log is one stream without frames; `hasTimes`: each line
 *   begins with its time
 * @throws LogError; what the source throws
 */
export async function* readLogLines(
  source: AsyncIterable<Uint8Array>,
  { hasTerminal, hasTimes }: { readonly hasTerminal: boolean; readonly hasTimes: boolean },
): AsyncGenerator<LogLine> {
  const begun: Record<Stream, Buffer> = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
  for await (const { stream, bytes } of hasTerminal ? readTerminal(source) : readFrames(source)) {
    let rest = Buffer.concat([begun[stream], bytes]);
    for (;;) {
      const end = rest.indexOf(LINE_FEED);
      const isWhole = end !== -1 && end <= MAX_LINE_BYTES;
      if (!isWhole && rest.length <= MAX_LINE_BYTES) break;
      yield toLine(stream, rest.subarray(0, isWhole ? end : MAX_LINE_BYTES), hasTimes);
      rest = rest.subarray(isWhole ? end + 1 : MAX_LINE_BYTES);
    }
    begun[stream] = rest;
  }
  for (const stream of ['stdout', 'stderr'] as const) {
    if (begun[stream].length > 0) yield toLine(stream, begun[stream], hasTimes);
  }
}
