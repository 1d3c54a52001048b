// SPDX-License-Identifier: Apache-2.0
import type { Client } from './client.ts';
import type {
  Collected,
  ImportJob,
  ImportWish,
  Manifest,
  Repository,
  RepositoryDetails,
  RepositoryPage,
  Upstreams,
} from './registry-answers.ts';

const API = '/-/api/v1/registry';
const PAGE = 1000;

/** All that may be pulled. @throws ApiError */
export async function readRepositories(client: Client): Promise<readonly Repository[]> {
  const all: Repository[] = [];
  for (;;) {
    const last = all.at(-1)?.name;
    const query = new URLSearchParams({ n: String(PAGE), ...(last !== undefined && { last }) });
    const page = await client.readGranted<RepositoryPage>(`${API}/repositories?${query}`);
    all.push(...page.repositories);
    if (!page.isMore || page.repositories.length === 0) return all;
  }
}

/** With all its tags. @throws ApiError */
export async function readRepository(client: Client, name: string): Promise<RepositoryDetails> {
  const url = `${API}/repositories/${name}`;
  const first = await client.readGranted<RepositoryDetails>(url);
  const tags = [...first.tags];
  let { isMore = false } = first;
  while (isMore) {
    const query = new URLSearchParams({ n: String(PAGE), last: tags.at(-1)?.tag ?? '' });
    const page = await client.readGranted<RepositoryDetails>(`${url}?${query}`);
    tags.push(...page.tags);
    isMore = page.isMore === true && page.tags.length > 0;
  }
  return { ...first, tags };
}

/** @throws ApiError */
export const readUpstreams = (client: Client): Promise<Upstreams> => client.readGranted(`${API}/upstreams`);

/** The latest first. @throws ApiError */
export async function readImports(client: Client): Promise<readonly ImportJob[]> {
  return (await client.readGranted<{ imports: readonly ImportJob[] }>(`${API}/imports`)).imports;
}

/** @returns whether it was begun; false: the person gave up @throws ApiError */
export async function startImport(client: Client, wish: ImportWish): Promise<boolean> {
  return (await client.change('POST', `${API}/imports`, wish)) !== undefined;
}

/** Does again what failed. @returns whether it was begun @throws ApiError */
export async function retryImport(client: Client, id: string): Promise<boolean> {
  return (await client.change('POST', `${API}/imports/${id}/retry`)) !== undefined;
}

/** Cancels what goes on, and forgets what has ended. @returns whether it was done @throws ApiError */
export async function removeImport(client: Client, id: string): Promise<boolean> {
  return (await client.change('DELETE', `${API}/imports/${id}`)) !== undefined;
}

/** @throws ApiError */
export const readManifest = (client: Client, repository: string, digest: string): Promise<Manifest> =>
  client.readGranted(`/v2/${repository}/manifests/${digest}`);

/**
 * Takes a tag away, or by its digest an image with all its tags (distribution-spec end-9).
 *
 * @returns whether it was done; false: the person gave up
 * @throws ApiError
 */
export async function deleteFromRegistry(
  client: Client,
  repository: string,
  reference: string,
): Promise<boolean> {
  return (await client.change('DELETE', `/v2/${repository}/manifests/${reference}`)) !== undefined;
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
