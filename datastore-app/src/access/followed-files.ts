// SPDX-License-Identifier: Apache-2.0
import { errorMessage } from '@local-datastore/shared/errors';
import { openReloadedFiles } from '@local-datastore/shared/files/reloaded-files';
import type { Log } from '@local-datastore/shared/log';

/** What some files say together, kept while they say what cannot be used. */
export interface FollowedFiles<Content> {
  current(): Content;
  /** Why what they say now cannot be used, as a sentence; undefined: it is used. */
  trouble(): string | undefined;
  /** Looks whether they changed. @returns whether there is something new */
  look(): Promise<boolean>;
}

export interface FollowedFilesOptions<Content> {
  /** What they are called, as in `the grants in /state/grants.yaml`. */
  readonly name: string;
  readonly files: readonly string[];
  read(): Promise<Content>;
  /** What counts until they can be used. */
  readonly none: Content;
  /** What that means for people. */
  readonly meanwhile: string;
}

export async function followFiles<Content>(
  { log }: { readonly log: Log },
  { name, files, read, none, meanwhile }: FollowedFilesOptions<Content>,
): Promise<FollowedFiles<Content>> {
  let trouble: string | undefined;
  let isOpen = false;
  function tell(error: unknown): void {
    trouble = `${name} cannot be used: ${errorMessage(error)}; ${isOpen ? 'what was read before stays' : meanwhile}`;
    log.error({}, trouble);
  }

  const reloaded = await openReloadedFiles(files, {
    async read() {
      if (isOpen) return read();
      try {
        return await read();
      } catch (error) {
        tell(error);
        return none;
      }
    },
    onUnusable: tell,
  });
  isOpen = true;
  let current = reloaded.first;
  return {
    current: () => current,
    trouble: () => trouble,
    look: () =>
      reloaded.look((next) => {
        current = next;
        trouble = undefined;
        log.info({}, `${name} were read again`);
      }),
  };
}
