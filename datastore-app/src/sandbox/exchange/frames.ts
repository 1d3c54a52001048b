// SPDX-License-Identifier: Apache-2.0
/** What goes over the stream between the datastore and a parser: a document, and bytes beside it. */
export interface Frame {
  readonly document: unknown;
  readonly bytes: Buffer;
}

/** What one side takes of the other. */
export interface FrameLimits {
  readonly documentBytes: number;
  readonly bytes: number;
}

/** Two lengths in bytes, UInt32, little endian: of the document, which is JSON, and of what follows it. */
const HEADER_BYTES = 8;
/** So many pieces of a frame are held one by one. */
const MAX_CHUNKS = 256;
const NOTHING = Buffer.alloc(0);

/** The other side does not keep to the protocol. The message is a clause about it. */
export class ProtocolError extends Error {
  override name = 'ProtocolError';
}

export function encodeFrame(document: object, bytes: Uint8Array = NOTHING): Buffer {
  const json = Buffer.from(JSON.stringify(document));
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(json.length);
  header.writeUInt32LE(bytes.length, 4);
  return Buffer.concat([header, json, bytes]);
}

/** Frames out of a stream that parts them anywhere. It holds what was pushed, and so at most one frame and one piece. */
export interface FrameReader {
  /**
   * @returns the frames that are whole now
   * @throws ProtocolError a length beyond the limits, or what is no JSON
   */
  push(piece: Buffer): readonly Frame[];
}

export function createFrameReader(limits: FrameLimits): FrameReader {
  let chunks: Buffer[] = [];
  let held = 0;

  /** All that is held, in one. */
  function join(): Buffer {
    const [only] = chunks;
    const all = chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks);
    chunks = [all];
    return all;
  }

  function next(): Frame | undefined {
    if (held < HEADER_BYTES) return undefined;
    // Only its beginning is looked at until all of it is there.
    if ((chunks[0] ?? NOTHING).length < HEADER_BYTES) join();
    const [header = NOTHING] = chunks;
    const documentBytes = header.readUInt32LE(0);
    const bytes = header.readUInt32LE(4);
    if (documentBytes > limits.documentBytes || bytes > limits.bytes) {
      throw new ProtocolError(`it sent a message of ${documentBytes} and ${bytes} bytes, which is too long`);
    }
    const end = HEADER_BYTES + documentBytes + bytes;
    if (held < end) return undefined;
    const all = join();
    chunks = all.length === end ? [] : [all.subarray(end)];
    held -= end;
    const text = all.toString('utf8', HEADER_BYTES, HEADER_BYTES + documentBytes);
    return { document: parse(text), bytes: all.subarray(HEADER_BYTES + documentBytes, end) };
  }

  return {
    push(piece) {
      chunks.push(piece);
      held += piece.length;
      if (chunks.length > MAX_CHUNKS) join();
      const frames: Frame[] = [];
      for (let frame = next(); frame !== undefined; frame = next()) frames.push(frame);
      return frames;
    },
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ProtocolError('it sent what is no JSON');
  }
}
