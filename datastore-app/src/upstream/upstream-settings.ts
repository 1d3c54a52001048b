// SPDX-License-Identifier: Apache-2.0
import { isIP } from 'node:net';
import { dirname, resolve } from 'node:path';
import { readYamlFile } from '@local-datastore/shared/files/yaml-file';
import { isRepositoryName } from '@local-datastore/shared/oci/reference';
import { plainIssue, problemsText } from '@local-datastore/shared/text/document-problems';
import * as z from 'zod';
import { type MatchesRepository, repositoryPattern } from '../access/repository-pattern.ts';
import { ARCHIVES_NAMESPACE } from '../archives/archive-naming.ts';
import { IMAGE_UPSTREAM, type ImageUpstream, toImageUpstream } from './images/image-upstream-settings.ts';
import { duration, passwordCredential, readText } from './setting-values.ts';
import type { UpstreamAddress } from './upstream-client.ts';

/** A registry whose repositories are shown here below a name of their own. */
export interface Upstream extends UpstreamAddress {
  /** Below it its repositories are shown. */
  readonly prefix: string;
  /** What containerd says in `?ns=` where it means this registry; undefined: nothing. */
  readonly namespace: string | undefined;
  /** As the upstream calls them; nothing else is asked for. */
  readonly allows: MatchesRepository;
  /** How long a tag is taken for what it was, before the upstream is asked again. */
  readonly checkMs: number;
  /** How long is waited for the upstream's word on a tag where an earlier image is here. */
  readonly budgetMs: number;
}

const origin = () =>
  z.string().transform((text, context) => {
    const url = URL.parse(text);
    const isPlain = url !== null && url.pathname === '/' && url.search === '' && url.hash === '';
    if (isPlain && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '') return url;
    // Without the value: it may hold a password.
    context.issues.push({
      code: 'custom',
      input: undefined,
      message:
        'scheme, host and port expected, such as https://registry-1.docker.io; a password stands in credentials',
    });
    return z.NEVER;
  });

const UPSTREAM = z.strictObject({
  prefix: z
    .string()
    .refine(isRepositoryName, 'a name in lower case expected, such as hub')
    .refine(
      (name) => name.split('/')[0] !== ARCHIVES_NAMESPACE,
      `"${ARCHIVES_NAMESPACE}" is the archives' name`,
    ),
  url: origin(),
  namespace: z
    .string()
    .regex(/^[a-z0-9.-]+(?::\d+)?$/, 'a host expected, such as docker.io')
    .optional(),
  ca: z.string().optional(),
  credentials: passwordCredential().optional(),
  allow: z.array(repositoryPattern()).min(1).optional(),
  tags: z.strictObject({ check: duration('10m'), budget: duration('2s') }).prefault({}),
});

const DOCUMENT = z.strictObject({
  version: z.literal(1),
  upstreams: z.array(UPSTREAM).max(100).default([]),
  images: z.array(IMAGE_UPSTREAM).max(100).default([]),
});

/** Where container images and other images come from. */
export interface Upstreams {
  readonly registries: readonly Upstream[];
  /** The first that has a path gives it. */
  readonly images: readonly ImageUpstream[];
}

export const NO_UPSTREAMS: Upstreams = { registries: [], images: [] };

/**
 * Reads what a person wrote of upstreams.
 *
 * @throws Error with all that is wrong; no value of a secret is in it
 */
export function readUpstreams(file: string): Upstreams {
  const parsed = DOCUMENT.safeParse(readYamlFile(file), { error: plainIssue });
  if (!parsed.success) throw new Error(problemsText(parsed.error));
  const { upstreams, images } = parsed.data;
  const prefixes = upstreams.map(({ prefix }) => prefix);
  const twice = prefixes.find((prefix, i) =>
    prefixes.some((other, j) => i !== j && (other === prefix || other.startsWith(`${prefix}/`))),
  );
  if (twice !== undefined)
    throw new Error(`${twice}: two upstreams have this prefix, or one within the other`);
  const near = (path: string) => resolve(dirname(file), path);
  const registries = upstreams.map(({ prefix, url, namespace, ca, credentials, allow, tags }) => ({
    ...{ prefix, url, namespace },
    ca: ca === undefined ? undefined : readText('ca', near(ca)),
    credential: credentials && {
      user: credentials.user,
      password: readText('passwordFile', near(credentials.passwordFile)).trim(),
    },
    allows: (repository: string) => allow === undefined || allow.some((matches) => matches(repository)),
    ...{ checkMs: tags.check, budgetMs: tags.budget },
  }));
  return { registries, images: images.map((each, index) => toImageUpstream(each, `images[${index}]`, near)) };
}

/** Docker Hub has its own images below `library/`, which its clients leave out. */
const isHub = ({ url }: Upstream) => isIP(url.hostname) === 0 && /(?:^|\.)docker\.io$/.test(url.hostname);

/** Where a repository of this datastore comes from. */
export interface Backing {
  readonly upstream: Upstream;
  /** As the upstream calls it. */
  readonly repository: string;
}

/** The upstream of a repository, as far as it may be asked. */
export function findBacking(upstreams: readonly Upstream[], repository: string): Backing | undefined {
  const upstream = upstreams.find(({ prefix }) => repository.startsWith(`${prefix}/`));
  if (upstream === undefined) return undefined;
  const name = repository.slice(upstream.prefix.length + 1);
  const theirs = isHub(upstream) && !name.includes('/') ? `library/${name}` : name;
  return { upstream, repository: theirs };
}
