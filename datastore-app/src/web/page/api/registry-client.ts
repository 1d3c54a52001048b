import type { Client } from './client.ts';
import type {
  Collected,
  Manifest,
  Repository,
  RepositoryDetails,
  RepositoryPage,
  Tag,
  Upstreams,
} from './registry-answers.ts';

const API = '/-/api/v1/registry';
const PAGE = 1000;

/** The programs whose configuration the datastore writes down. */
export const CONFIGURED_CLIENTS = ['docker', 'podman', 'containerd', 'k3s'] as const;
export type ConfiguredClient = (typeof CONFIGURED_CLIENTS)[number];

async function read<T>(client: Client, url: string): Promise<T> {
  const answer = await client.read<T>(url);
  // Only who names what it knows is told that it is still so.
  if (answer === undefined) throw new Error(`${url} was not answered`);
  return answer.body;
}

/** All that may be pulled. @throws ApiError */
export async function readRepositories(client: Client): Promise<readonly Repository[]> {
  const all: Repository[] = [];
  for (;;) {
    const last = all.at(-1)?.name;
    const query = new URLSearchParams({ n: String(PAGE), ...(last !== undefined && { last }) });
    const page = await read<RepositoryPage>(client, `${API}/repositories?${query}`);
    all.push(...page.repositories);
    if (!page.isMore || page.repositories.length === 0) return all;
  }
}

/** With all its tags. @throws ApiError */
export async function readRepository(client: Client, name: string): Promise<RepositoryDetails> {
  const url = `${API}/repositories/${name}`;
  const first = await read<RepositoryDetails>(client, url);
  const tags = [...first.tags];
  let { isMore = false } = first;
  while (isMore) {
    const query = new URLSearchParams({ n: String(PAGE), last: tags.at(-1)?.tag ?? '' });
    const page = await read<RepositoryDetails>(client, `${url}?${query}`);
    tags.push(...page.tags);
    isMore = page.isMore === true && page.tags.length > 0;
  }
  return { ...first, tags };
}

/** @throws ApiError */
export const readUpstreams = (client: Client): Promise<Upstreams> => read(client, `${API}/upstreams`);

/** @throws ApiError */
export const readManifest = (client: Client, repository: string, digest: string): Promise<Manifest> =>
  read(client, `/v2/${repository}/manifests/${digest}`);

/** The lines that let a program use this registry, for the address that the page was asked by. @throws ApiError */
export const readClientConfig = (client: Client, program: ConfiguredClient): Promise<string> =>
  client.readText(`${API}/client-config?for=${program}`);

/** @returns whether it was done; false: the person gave up. @throws ApiError */
export async function deleteTag(client: Client, repository: string, { tag }: Tag): Promise<boolean> {
  return (await client.change('DELETE', `${API}/repositories/${repository}/tags/${tag}`)) !== undefined;
}

/** The image with all its tags. @returns whether it was done; false: the person gave up. @throws ApiError */
export async function deleteImage(client: Client, repository: string, { digest }: Tag): Promise<boolean> {
  const url = `${API}/repositories/${repository}/manifests/${digest}`;
  return (await client.change('DELETE', url)) !== undefined;
}

/**
 * Collects what belongs to no image, or says what would be.
 *
 * @returns undefined: the person gave up
 * @throws ApiError
 */
export async function collect(client: Client, isApplied: boolean): Promise<Collected | undefined> {
  const response = await client.change('POST', `${API}/gc${isApplied ? '?apply=true' : ''}`);
  return response && ((await response.json()) as Collected);
}
