// SPDX-License-Identifier: Apache-2.0
import { type Checked, readFiles } from './check-bytes.ts';

/** What makes an engine look for an image: none of it may come before all is right. */
const NAMING = /(?:^|\/)(?:manifest\.json|index\.json|oci-layout|repositories|json|VERSION)$/;

/** The names of what the engine gets of an archive that is refused, as far as they would name an image. */
export async function namesHandedOn(bytes: Buffer): Promise<string[]> {
  return [...(await readFiles(bytes)).keys()].filter((name) => NAMING.test(name));
}

/** The image as an engine reads it out of what it gets. */
export interface EngineView {
  readonly tags: readonly string[];
  readonly config: Buffer | undefined;
  readonly layers: readonly (Buffer | undefined)[];
}

export function engineView({ files }: Pick<Checked, 'files'>): EngineView {
  const entries = JSON.parse(String(files.get('manifest.json'))) as {
    Config: string;
    RepoTags: string[];
    Layers: string[];
  }[];
  const [entry] = entries;
  if (entry === undefined || entries.length > 1) throw new Error(`${entries.length} images`);
  return {
    tags: entry.RepoTags,
    config: files.get(entry.Config),
    layers: entry.Layers.map((name) => files.get(name)),
  };
}
