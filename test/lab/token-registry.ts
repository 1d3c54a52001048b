// SPDX-License-Identifier: Apache-2.0
/** Debian's docker-registry, which takes the tokens of a datastore beside it: two programs, and one that judges. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DebianRegistry, startDebianRegistry } from './debian-registry.ts';
import type { Namespace } from './namespace.ts';
import { datastoreApp, type RunningDatastore, startDatastore } from './programs.ts';

export interface TokenRegistryOptions {
  /** What both keep; made where it is missing. */
  readonly folder: string;
  /** Of the namespace, by which both are asked. */
  readonly address: string;
  readonly port: number;
  /** Text of the datastore's file of grants. */
  readonly grants: string;
  readonly writeToken: string;
  /** How tokens name their key (`--registry-token-key`). */
  readonly key: 'id' | 'certificate';
  /** Where clients are sent for a token; absent: to the datastore's own address. */
  readonly realm?: string;
  /** Further options of the datastore. */
  readonly more?: readonly string[];
}

export interface TokenRegistry {
  readonly registry: DebianRegistry;
  readonly datastore: RunningDatastore;
  /** What a command of `datastore-app registry` prints with `--json`. */
  command<Document>(...args: readonly string[]): Promise<Document>;
  stop(): Promise<void>;
}

/** The datastore is `ds.local`, at port 8080. */
export async function startTokenRegistry(
  place: Namespace,
  { folder, address, port, grants, writeToken, key, realm, more = [] }: TokenRegistryOptions,
): Promise<TokenRegistry> {
  await mkdir(folder, { recursive: true });
  const state = ['--state', join(folder, 'state')];
  const [token, rules] = [join(folder, 'write-token'), join(folder, 'grants.yaml')];
  await writeFile(token, writeToken);
  await writeFile(rules, grants);
  const datastore = await startDatastore(place, [
    ...['--root', join(folder, 'root'), ...state, '--host-name', 'ds', '--port', '8080'],
    ...['--write-token-file', token, '--grants', rules, '--registry-token-key', key, ...more],
  ]);
  const command = async <Document>(...args: readonly string[]) =>
    JSON.parse(await place.mustRun(datastoreApp('registry', ...args, ...state, '--json'))) as Document;
  const { certificate } = await command<{ certificate: string }>('token', 'certificate');
  const bundle = join(folder, 'tokens.pem');
  await writeFile(bundle, certificate);
  const registry = await startDebianRegistry(place, {
    ...{ folder: join(folder, 'registry'), port },
    tokens: {
      realm: realm ?? `http://${address}:8080/-/token`,
      ...{ service: 'ds.local', certificate: bundle },
    },
  });
  return {
    ...{ registry, datastore, command },
    async stop() {
      await registry.stop();
      await datastore.stop();
    },
  };
}
