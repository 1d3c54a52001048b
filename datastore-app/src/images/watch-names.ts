// SPDX-License-Identifier: Apache-2.0
/** How old what is told may be: to look at the names of very many images takes a while. */
const MAX_AGE_MS = 10_000;

export interface WatchNamesDeps {
  paths(): Iterable<string>;
  /** Another one whenever the paths may be others. */
  revision(): string;
  nowMs(): number;
}

/**
 * What there is to say of the names of images that change, looked at again every few seconds at most.
 *
 * @param describe a sentence about paths; undefined where there is nothing to say
 */
export function watchNames(
  deps: WatchNamesDeps,
  describe: (paths: Iterable<string>) => string | undefined,
): () => string | undefined {
  let told:
    | { readonly atMs: number; readonly revision: string; readonly text: string | undefined }
    | undefined;
  return () => {
    const atMs = deps.nowMs();
    const revision = deps.revision();
    if (told === undefined || (atMs - told.atMs >= MAX_AGE_MS && told.revision !== revision)) {
      told = { atMs, revision, text: describe(deps.paths()) };
    }
    return told.text;
  };
}
