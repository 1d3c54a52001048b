// SPDX-License-Identifier: Apache-2.0
import { ConfigurationError } from '@local-datastore/shared/errors';
import * as z from 'zod';

/** Credentials of registries, as `docker login` and `podman login` write them. */
export interface DockerAuths {
  /**
   * The value of `Authorization` (RFC 7617) for a repository of a registry: of the longest entry that it is in.
   *
   * @param host with its port, where it has one
   * @returns null: there is none
   */
  find(host: string, repository: string): string | null;
}

const MAX_ENTRIES = 1000;
const ENTRY = z.object({
  auth: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  identitytoken: z.string().optional(),
});
const FILE = z.object({
  auths: z.record(z.string(), ENTRY).optional(),
  credsStore: z.string().optional(),
  credHelpers: z.record(z.string(), z.string()).optional(),
});
type Entry = z.infer<typeof ENTRY>;

/** Docker Hub by the names that its images, its registry and `docker login` have for it. */
const HUB = 'docker.io';
const HUB_ALIASES = new Set(['index.docker.io', 'registry-1.docker.io', 'registry.hub.docker.com', HUB]);

const invalid = (why: string) => new ConfigurationError(`is no config.json of docker: ${why}`);

/** A key as `https://index.docker.io/v1/`, `ds.local:5000` or, podman's, `ds.local/group`. */
function normalize(key: string): string {
  const plain = key.replace(/^https?:\/\//i, '').replace(/\/(?:v[12]\/?)?$/, '');
  const slash = plain.indexOf('/');
  const host = (slash < 0 ? plain : plain.slice(0, slash)).toLowerCase();
  const path = slash < 0 ? '' : plain.slice(slash);
  return `${HUB_ALIASES.has(host) ? HUB : host}${path}`;
}

/** @returns undefined: the entry says nothing, as docker leaves it where a helper has the secret */
function credentialOf(key: string, { auth, username, password, identitytoken }: Entry): string | undefined {
  if (identitytoken)
    throw invalid(`the entry "${key}" holds an identity token: name and password are needed`);
  const pair = auth ? Buffer.from(auth, 'base64').toString() : `${username ?? ''}:${password ?? ''}`;
  if (pair === ':' || pair === '') return undefined;
  if (!pair.includes(':')) throw invalid(`"auth" of the entry "${key}" is not the base64 of NAME:PASSWORD`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  if (/[\u0000-\u001f\u007f]/.test(pair)) throw invalid(`the entry "${key}" holds a control character`);
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}

function parse(text: string): z.infer<typeof FILE> {
  try {
    return FILE.parse(JSON.parse(text));
  } catch (error) {
    // The text is not repeated: it holds secrets.
    const issue = error instanceof z.ZodError ? error.issues[0]?.path.join('.') : undefined;
    throw invalid(issue === undefined ? 'it is no JSON' : `"${issue}" is not as it has to be`);
  }
}

/**
 * Reads `~/.docker/config.json`, or podman's `auth.json`. Programs that hold secrets for docker (`credsStore`,
 * `credHelpers`) are not run.
 *
 * @throws ConfigurationError, whose message fits behind the name of the file, without a secret
 */
export function parseDockerAuths(text: string): DockerAuths {
  const { auths = {}, credsStore, credHelpers = {} } = parse(text);
  const entries = Object.entries(auths);
  if (entries.length > MAX_ENTRIES) throw invalid(`it has more than ${MAX_ENTRIES} entries`);
  const known = new Map<string, string>();
  for (const [key, entry] of entries) {
    const credential = credentialOf(key, entry);
    if (credential !== undefined) known.set(normalize(key), credential);
  }
  const hasHelpers = Boolean(credsStore) || Object.keys(credHelpers).length > 0;
  if (known.size === 0 && hasHelpers) {
    throw invalid('a credential helper has its passwords, which is not run: write "auth" entries');
  }
  return {
    find(host, repository) {
      const parts = [normalize(host), ...repository.split('/')];
      for (let count = parts.length; count > 0; count -= 1) {
        const credential = known.get(parts.slice(0, count).join('/'));
        if (credential !== undefined) return credential;
      }
      return null;
    },
  };
}
