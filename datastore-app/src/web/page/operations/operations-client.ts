// SPDX-License-Identifier: Apache-2.0
import type { Client } from '../api/client.ts';

const API = '/-/api/v1/operations';

/** What was done, or would be, in plain words. */
export interface Change {
  readonly isDone: boolean;
  readonly sentences: readonly string[];
}

export interface Validation {
  readonly checks: readonly string[];
  readonly checkedBytes: number;
  readonly defects: readonly { readonly code: string; readonly message: string }[];
}

/** What is asked for; with `dryRun` it is only said what would happen. */
export interface Wish {
  /** A path, or `oci:` and a name of the registry. */
  readonly image: string;
  readonly to?: string;
  readonly undo?: boolean;
  readonly dryRun?: boolean;
  /** Of the registry: the tag alone. */
  readonly tagOnly?: boolean;
}

/** @returns undefined: the person gave up @throws ApiError */
export async function change(
  client: Client,
  operation: 'release' | 'rename' | 'purge' | 'remove',
  wish: Wish,
): Promise<Change | undefined> {
  const response = await client.change('POST', `${API}/${operation}`, wish);
  return response && ((await response.json()) as Change);
}

/** What a removal would do, of which nothing is done. As {@link change}. */
export async function planRemoval(
  client: Client,
  wish: Omit<Wish, 'dryRun'>,
): Promise<readonly string[] | undefined> {
  return (await change(client, 'remove', { ...wish, dryRun: true }))?.sentences;
}

/** Makes an image the next version of its repository. @returns the number of the version; as {@link change} */
export async function createVersion(
  client: Client,
  image: { readonly repository: string; readonly digest: string },
): Promise<string | undefined> {
  const wish = { image: `oci:${image.repository}`, digest: image.digest };
  const response = await client.change('POST', `${API}/create`, wish);
  return response && ((await response.json()) as { version: string }).version;
}

/** Lasts as long as reading the image does. As {@link change}. */
export async function validate(client: Client, image: string): Promise<Validation | undefined> {
  const response = await client.change('POST', `${API}/validate`, { image }, { isLong: true });
  return response && ((await response.json()) as Validation);
}
