// SPDX-License-Identifier: Apache-2.0
/** An object store that nobody here wrote: OpenStack Swift of Debian with its S3 API, which verifies signatures. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AwsClient } from 'aws4fetch';
import { createNamespace, type Namespace } from './namespace.ts';
import { waitForLog } from './programs.ts';

const PROGRAM = fileURLToPath(new URL('./object_store.py', import.meta.url));

/** A request from within the namespace. */
const REQUEST = `const [url, headers] = process.argv.slice(1);
const { ok, status } = await fetch(url, { method: 'PUT', headers: JSON.parse(headers) });
if (!ok) throw new Error(String(status));`;

export interface ObjectStore {
  readonly port: number;
  /** Such as `http://127.0.0.1:40001`. */
  readonly origin: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Makes a bucket. */
  makeBucket(name: string): Promise<void>;
  /** Puts an object, with metadata of the user. */
  put(
    bucket: string,
    key: string,
    content: Buffer | string,
    metadata?: Readonly<Record<string, string>>,
  ): Promise<void>;
  stop(): Promise<void>;
}

/** Where it runs. Objects are put from this process: only where that reaches it. */
export interface ObjectStorePlace {
  readonly place: Namespace;
  readonly address: string;
  readonly port: number;
}

/** Starts it, and waits until it listens. @param where absent: on loopback, at a port that is free */
export async function startObjectStore(where?: ObjectStorePlace): Promise<ObjectStore> {
  const accessKeyId = 'lab:reader';
  const secretAccessKey = 'secret-of-the-object-store';
  const folder = await mkdtemp(join(tmpdir(), 'object-store-'));
  const place = where?.place ?? createNamespace('loopback', [], () => {});
  const address = where?.address ?? '127.0.0.1';
  const child = place.start(
    [
      '/usr/bin/python3',
      '-u',
      PROGRAM,
      address,
      String(where?.port ?? 0),
      folder,
      accessKeyId,
      secretAccessKey,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const { log, seen } = waitForLog(child, ' is ready');
  await seen;
  const port = Number(/port (\d+) is ready/.exec(log())?.[1]);
  const origin = `http://${address}:${port}`;
  const client = new AwsClient({
    accessKeyId,
    secretAccessKey,
    service: 's3',
    region: 'us-east-1',
    retries: 0,
  });

  async function put(path: string, body: Buffer | string, headers: Record<string, string>): Promise<void> {
    const answer = await client.fetch(`${origin}/${path}`, {
      method: 'PUT',
      body: new Uint8Array(Buffer.from(body)),
      headers,
    });
    if (!answer.ok) throw new Error(`${path} was not put: ${answer.status} ${await answer.text()}`);
    await answer.body?.cancel();
  }

  return {
    ...{ port, origin, accessKeyId, secretAccessKey },
    async makeBucket(name) {
      const { url, headers } = await client.sign(`${origin}/${name}`, { method: 'PUT' });
      const signed = JSON.stringify(Object.fromEntries(headers));
      await place.mustRun([process.execPath, '--input-type=module', '-e', REQUEST, url, signed]);
    },
    put: (bucket, key, content, metadata = {}) =>
      put(
        `${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`,
        content,
        Object.fromEntries(Object.entries(metadata).map(([name, value]) => [`x-amz-meta-${name}`, value])),
      ),
    async stop() {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
