// SPDX-License-Identifier: Apache-2.0
import type { ImportWish } from '../api/registry-answers.ts';

/** What a person wrote. */
export interface ImportFields {
  readonly source: string;
  readonly name: string;
  readonly platforms: string;
  readonly isInsecure: boolean;
}

const SCHEME = 'docker://';

/** What the datastore is to be asked for; it says itself what is wrong with a name. */
export function importWish({ source, name, platforms, isInsecure }: ImportFields): ImportWish {
  const wanted = platforms.split(/[\s,]+/).filter((each) => each !== '');
  const given = source.trim();
  const as = name.trim();
  return {
    // As people copy it from a command.
    source: given.includes('://') ? given : `${SCHEME}${given.replace(/^(?:docker|podman) pull /, '')}`,
    ...(as !== '' && { as }),
    ...(wanted.length > 0 && { platforms: wanted }),
    ...(isInsecure && { insecure: true }),
  };
}
