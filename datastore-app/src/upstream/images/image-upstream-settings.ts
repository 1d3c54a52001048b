// SPDX-License-Identifier: Apache-2.0
import { basename, extname } from 'node:path';
import * as z from 'zod';
import { whyWrongWildcards, wildcardExpression } from '../../access/repository-pattern.ts';
import { isImagePath, isKeptPath } from '../../images/image-path.ts';
import { duration, passwordCredential, readText } from '../setting-values.ts';

/** Who asks an object store (AWS Signature Version 4). */
export interface StoreCredential {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string | undefined;
}

/** Where the images of an upstream stand. */
export type ImagePlace =
  /** Below a URL, which ends in a slash. */
  | {
      readonly kind: 'http';
      readonly base: URL;
      readonly credential: { readonly user: string; readonly password: string } | undefined;
    }
  /** In a bucket of an object store. */
  | {
      readonly kind: 's3';
      /** Of the bucket; ends in a slash. */
      readonly base: URL;
      readonly bucket: string;
      /** Before all keys: empty, or ends in a slash. */
      readonly keyPrefix: string;
      readonly region: string;
      readonly credential: StoreCredential;
    }
  /** Wherever the manifest in a file of this machine says. */
  | { readonly kind: 'file'; readonly file: string };

/** What says of the images of an upstream how large they are, and which sha256 they have. */
export type ImageListing =
  /** The list of another datastore; or else SHA256SUMS; or else what an object store says of its objects. */
  | { readonly kind: 'auto' }
  /** Relative to the place. */
  | { readonly kind: 'checksums' | 'manifest'; readonly path: string };

/** From where images are fetched when they are asked for. */
export interface ImageUpstream {
  /** Below it the images stand here; empty: at the same paths. */
  readonly prefix: string;
  /** For people: prefix and place, without a secret. */
  readonly name: string;
  readonly place: ImagePlace;
  readonly listing: ImageListing;
  /** PEM that replaces the system's roots. */
  readonly ca: string | undefined;
  /** As the upstream calls them; nothing else is fetched. */
  readonly allows: (path: string) => boolean;
  /** Hosts, with their ports, to which a list of the upstream may lead beside its own. */
  readonly hosts: ReadonlySet<string>;
  /** How long a list counts before it is asked for again. */
  readonly checkMs: number;
}

const DEFAULT_REGION = 'us-east-1';
const MAX_PATTERN_LENGTH = 1024;
const BUCKET = /^[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]$/;
const MANIFEST_ENDINGS = new Set(['.json', '.yaml', '.yml']);

const imagePattern = () =>
  z
    .string()
    .min(1)
    .max(MAX_PATTERN_LENGTH)
    .check((context) => {
      const why = whyWrongWildcards(context.value);
      if (why !== undefined) context.issues.push({ code: 'custom', input: context.value, message: why });
    })
    .transform((pattern) => {
      const expression = wildcardExpression(pattern);
      return (path: string) => expression.test(path);
    });

/** A path without its percent-encoding; undefined: it is not encoded correctly. */
function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

/** Without the value in what it says: that may hold a password. */
const place = () =>
  z.string().transform((text, context) => {
    const refuse = (message: string) => {
      context.issues.push({ code: 'custom', input: undefined, message });
      return z.NEVER;
    };
    const url = URL.parse(text);
    const isPlain = url !== null && url.search === '' && url.hash === '';
    if (!isPlain || !/^(?:https?|s3):$/.test(url.protocol)) {
      return refuse('https://HOST/PATH/, http://HOST/PATH/ or s3://BUCKET/PREFIX expected');
    }
    if (url.username !== '' || url.password !== '') return refuse('a password stands in credentials');
    if (url.protocol === 's3:' && (!BUCKET.test(url.host) || url.port !== '')) {
      return refuse('s3://BUCKET/PREFIX expected, with the name of a bucket');
    }
    if (decoded(url.pathname) === undefined) return refuse('the path is not percent-encoded correctly');
    if (!url.pathname.endsWith('/')) url.pathname += '/';
    return url;
  });

const endpoint = () =>
  z.string().transform((text, context) => {
    const url = URL.parse(text);
    if (url !== null && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`) return url;
    context.issues.push({
      code: 'custom',
      input: undefined,
      message: 'scheme, host and port expected, such as https://s3.example',
    });
    return z.NEVER;
  });

const storeCredential = () =>
  z.strictObject({
    accessKeyId: z.string().regex(/^[!-~]{1,256}$/, 'the name of a key expected'),
    secretAccessKeyFile: z.string(),
    sessionTokenFile: z.string().optional(),
  });

export const IMAGE_UPSTREAM = z
  .strictObject({
    prefix: z
      .string()
      .refine(
        (path) => isImagePath(path) && !isKeptPath(path),
        'a folder of images expected, such as hub or hub/linux',
      )
      .optional(),
    url: place().optional(),
    endpoint: endpoint().optional(),
    region: z
      .string()
      .regex(/^[a-z0-9-]{1,64}$/, 'a region expected, such as eu-central-1')
      .optional(),
    pathStyle: z.boolean().optional(),
    credentials: z.union([passwordCredential(), storeCredential()]).optional(),
    list: z.string().min(1).max(MAX_PATTERN_LENGTH).default('auto'),
    allow: z.array(imagePattern()).min(1).max(100).optional(),
    hosts: z
      .array(z.string().regex(/^[A-Za-z0-9.[\]:-]+$/, 'a host expected, such as files.example'))
      .max(100)
      .default([]),
    ca: z.string().optional(),
    check: duration('10m').refine((ms) => ms >= 1000, 'a second at least expected'),
  })
  .check(({ value, issues }) => {
    const refuse = (path: string, message: string) =>
      issues.push({ code: 'custom', input: undefined, path: [path], message });
    const isStore = value.url?.protocol === 's3:';
    const { credentials } = value;
    if (value.url === undefined && listingOf(value.list).kind !== 'manifest') {
      refuse('list', 'without url a manifest of this machine is expected, such as external.yaml');
    }
    if (isStore && (credentials === undefined || 'user' in credentials)) {
      refuse('credentials', 'accessKeyId and secretAccessKeyFile expected');
    }
    if (!isStore && credentials !== undefined && !('user' in credentials)) {
      refuse('credentials', 'user and passwordFile expected: it is no object store');
    }
    for (const name of ['endpoint', 'region', 'pathStyle'] as const) {
      if (!isStore && value[name] !== undefined) refuse(name, 'only an object store (s3://) has one');
    }
  });

type Given = z.output<typeof IMAGE_UPSTREAM>;

function listingOf(list: string): ImageListing {
  if (list === 'auto') return { kind: 'auto' };
  return { kind: MANIFEST_ENDINGS.has(extname(list).toLowerCase()) ? 'manifest' : 'checksums', path: list };
}

/** The URL of a bucket: as the first part of the path, or in front of the host. */
function bucketUrl(bucket: string, store: URL, isPathStyle: boolean): URL {
  const base = new URL(store);
  if (isPathStyle) base.pathname = `/${bucket}/`;
  else base.host = `${bucket}.${store.host}`;
  return base;
}

/** @param secretOf what a file beside the settings holds */
function placeOf(given: Given, secretOf: (what: string, file: string) => string): ImagePlace | undefined {
  const { url, credentials } = given;
  if (url === undefined) return undefined;
  if (url.protocol !== 's3:') {
    const credential =
      credentials !== undefined && 'user' in credentials
        ? { user: credentials.user, password: secretOf('passwordFile', credentials.passwordFile) }
        : undefined;
    return { kind: 'http', base: url, credential };
  }
  if (credentials === undefined || 'user' in credentials) throw new Error('credentials expected');
  const { accessKeyId, secretAccessKeyFile, sessionTokenFile } = credentials;
  const { region = DEFAULT_REGION, pathStyle } = given;
  const store = given.endpoint ?? new URL(`https://s3.${region}.amazonaws.com`);
  const bucket = url.host;
  return {
    ...{ kind: 's3', bucket, region },
    base: bucketUrl(bucket, store, pathStyle ?? given.endpoint !== undefined),
    keyPrefix: decoded(url.pathname.slice(1)) ?? '',
    credential: {
      accessKeyId,
      secretAccessKey: secretOf('secretAccessKeyFile', secretAccessKeyFile),
      sessionToken: sessionTokenFile && secretOf('sessionTokenFile', sessionTokenFile),
    },
  };
}

/** What people read of a place. */
function placeName(place: ImagePlace): string {
  if (place.kind === 'file') return basename(place.file);
  return place.kind === 's3' ? `s3://${place.bucket}/${place.keyPrefix}` : place.base.href;
}

/**
 * @param where it stands in the settings, for what it says
 * @param near where a file is that is named from the settings
 * @throws Error where a file beside the settings cannot be read; no value of a secret is in it
 */
export function toImageUpstream(given: Given, where: string, near: (path: string) => string): ImageUpstream {
  const secretOf = (what: string, file: string) =>
    readText(`${where}.credentials.${what}`, near(file)).trim();
  const { prefix = '', allow, ca, list, check, hosts } = given;
  const place = placeOf(given, secretOf) ?? { kind: 'file', file: near(list) };
  const said = placeName(place);
  return {
    ...{ prefix, place, listing: listingOf(list), checkMs: check },
    name: prefix === '' ? said : `${prefix} (${said})`,
    ca: ca === undefined ? undefined : readText(`${where}.ca`, near(ca)),
    allows: (path) => allow === undefined || allow.some((matches) => matches(path)),
    hosts: new Set(hosts.map((host) => host.toLowerCase())),
  };
}
