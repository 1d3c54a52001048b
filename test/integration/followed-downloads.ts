// SPDX-License-Identifier: Apache-2.0
/** Answers with files, and downloads that are followed by hand. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, vi } from 'vitest';
import { ADDRESS, type Answer, type LoopbackDatastore } from '../lab/loopback-datastore.ts';

/** More than the kernel's socket buffers hold, so that a client that stops reading stops the server. */
export const HUGE_BYTES = 64 * 1024 * 1024;

export const sha256Of = (content: Buffer) => createHash('sha256').update(content).digest();
export const entityTagOf = (content: Buffer) => `"sha256:${sha256Of(content).toString('hex')}"`;
export const reprDigestOf = (content: Buffer) => `sha-256=:${sha256Of(content).toString('base64')}:`;

export const entityTagAt = async (datastore: LoopbackDatastore, path: string) =>
  (await datastore.get(path, {}, 'HEAD')).headers.etag;

/** Waits until the datastore knows the digest of an image. */
export const untilHashed = (datastore: LoopbackDatastore, path: string, content: Buffer) =>
  vi.waitFor(async () => expect(await entityTagAt(datastore, path)).toBe(entityTagOf(content)), 60_000);

export function expectProblem({ headers, body }: Answer, status: number): void {
  expect(headers['content-type']).toBe('application/problem+json');
  expect(JSON.parse(body.toString())).toMatchObject({ status, title: expect.any(String) });
}

export interface Download {
  readonly socket: Socket;
  readonly first: Buffer;
}

/** Begins a download by hand and stops reading after the first bytes. */
export async function beginDownload(port: number, path: string): Promise<Download> {
  const socket = connect(port, ADDRESS);
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${ADDRESS}\r\nConnection: close\r\n\r\n`);
  const [first] = (await once(socket, 'data')) as [Buffer];
  socket.pause();
  return { socket, first };
}

/** Reads on to the end of the connection: the body alone. */
export async function readRest({ socket, first }: Download): Promise<Buffer> {
  const chunks = [first];
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.on('error', () => {});
  socket.resume();
  await once(socket, 'close');
  const all = Buffer.concat(chunks);
  return all.subarray(all.indexOf('\r\n\r\n') + 4);
}
