// SPDX-License-Identifier: Apache-2.0
/** Debian's docker-registry (CNCF Distribution 2.8), which nobody here wrote. */
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KeyPair } from './authorities.ts';
import type { Namespace } from './namespace.ts';
import { waitForLog } from './programs.ts';

export interface DebianRegistryOptions {
  /** What it keeps, and its settings. */
  readonly folder: string;
  readonly port: number;
  /** Lines of an htpasswd file, by bcrypt; absent: everybody may do everything. */
  readonly htpasswd?: string;
  /** Absent: it keeps blobs in its folder. Else clients are led to the store, by URLs that are signed. */
  readonly bucket?: {
    /** Such as `http://10.1.0.6:9000`: for itself and for clients. */
    readonly endpoint: string;
    readonly name: string;
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
  };
  /** Of the service whose tokens it takes, and the file with the certificate of their key. */
  readonly tokens?: { readonly realm: string; readonly service: string; readonly certificate: string };
  /** Absent: it speaks http. */
  readonly tls?: KeyPair;
}

export interface DebianRegistry {
  /** Copies an image from a layout into it, byte for byte, by skopeo. @param args further ones; `--format` converts */
  push(layout: string, tag: string, repository: string, ...args: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

const s3Of = ({
  endpoint,
  name,
  accessKeyId,
  secretAccessKey,
}: NonNullable<DebianRegistryOptions['bucket']>) => ({
  s3: {
    ...{ regionendpoint: endpoint, region: 'us-east-1', bucket: name, secure: false, v4auth: true },
    ...{ accesskey: accessKeyId, secretkey: secretAccessKey },
  },
});

/** What the machine has for object stores of its own is not for this one. */
const environment = () =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('AWS_')));

/** Starts it in a namespace, and waits until it listens there. */
export async function startDebianRegistry(
  place: Namespace,
  { folder, port, htpasswd, bucket, tokens, tls }: DebianRegistryOptions,
): Promise<DebianRegistry> {
  await mkdir(folder, { recursive: true });
  const settings = join(folder, 'config.yml');
  const passwords = join(folder, 'htpasswd');
  if (htpasswd !== undefined) await writeFile(passwords, htpasswd);
  await writeFile(
    settings,
    JSON.stringify({
      version: '0.1',
      log: { level: 'info', accesslog: { disabled: true } },
      storage:
        bucket === undefined ? { filesystem: { rootdirectory: join(folder, 'storage') } } : s3Of(bucket),
      http: { addr: `:${port}`, ...(tls && { tls }) },
      ...(tokens !== undefined && {
        auth: {
          token: {
            ...{ realm: tokens.realm, service: tokens.service, issuer: tokens.service },
            rootcertbundle: tokens.certificate,
          },
        },
      }),
      ...(htpasswd !== undefined && { auth: { htpasswd: { realm: 'lab', path: passwords } } }),
    }),
  );
  const child = place.start(['docker-registry', 'serve', settings], {
    ...{ stdio: ['ignore', 'ignore', 'pipe'], env: environment() },
  });
  await waitForLog(child, 'listening on').seen;
  return {
    async push(layout, tag, repository, ...args) {
      const to = `docker://127.0.0.1:${port}/${repository}:${tag}`;
      // It would compress the layers.
      const form = args.includes('--format') ? [] : ['--preserve-digests'];
      const options = ['--dest-tls-verify=false', ...form, ...args];
      await place.mustRun(['skopeo', 'copy', ...options, `oci:${layout}:${tag}`, to]);
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
}
