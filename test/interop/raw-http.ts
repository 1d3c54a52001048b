// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A response as its bytes came, before anything that an HTTP client would make of them. */
export interface RawResponse {
  /** Such as `HTTP/1.1 200 OK`. */
  readonly statusLine: string;
  /** The head's lines without the status line, as sent. */
  readonly headerLines: readonly string[];
  /** Values by lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

const HEAD_END = Buffer.from('\r\n\r\n');

/** One connection, on which requests go out byte for byte as given, one after another. */
export interface RawHttpConnection {
  /** Sends a request head (lines without their CRLF) and reads a response framed by Content-Length. */
  request(...lines: readonly string[]): Promise<RawResponse>;
  close(): void;
}

export async function openRawHttp(address: string, port: number): Promise<RawHttpConnection> {
  const socket: Socket = connect(port, address);
  await once(socket, 'connect');
  const chunks = socket.iterator({ destroyOnReturn: false });
  let buffered = Buffer.alloc(0);
  async function readUntil(isEnough: (bytes: Buffer) => boolean): Promise<void> {
    while (!isEnough(buffered)) {
      const { value, done } = await chunks.next();
      if (done)
        throw new Error(`the connection ended after: ${buffered.subarray(0, 500).toString('latin1')}`);
      buffered = Buffer.concat([buffered, value as Buffer]);
    }
  }
  const take = (size: number) => {
    const taken = buffered.subarray(0, size);
    buffered = buffered.subarray(size);
    return taken;
  };
  return {
    async request(...lines) {
      socket.write(`${lines.join('\r\n')}\r\n\r\n`);
      await readUntil((bytes) => bytes.includes(HEAD_END));
      const head = take(buffered.indexOf(HEAD_END)).toString('latin1');
      take(HEAD_END.length);
      const [statusLine = '', ...headerLines] = head.split('\r\n');
      const headers = new Map(
        headerLines.map((line) => {
          const colon = line.indexOf(': ');
          return [line.slice(0, colon).toLowerCase(), line.slice(colon + 2)];
        }),
      );
      const size = Number(headers.get('content-length'));
      if (!Number.isInteger(size)) throw new Error(`no Content-Length in: ${head}`);
      await readUntil((bytes) => bytes.length >= size);
      return { statusLine, headerLines, headers, body: take(size) };
    },
    close() {
      socket.destroy();
    },
  };
}
