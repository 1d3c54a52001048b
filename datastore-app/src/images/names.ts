// SPDX-License-Identifier: Apache-2.0
import { StoreError } from '../content/store-error.ts';
import { createCaseIndex, findCaseTwins } from './case-twins.ts';

/** How a name comes to an image. */
export interface NameOptions {
  /** It is that of a source elsewhere, and cannot be another: it may differ from others in case alone. */
  readonly isForeignName?: boolean;
  /** The path of an image that leaves it for the name. */
  readonly leaves?: string;
}

/** Gives images their names, and keeps apart those that differ in upper and lower case alone. */
export interface Names {
  /** Whether images may get their names. @throws StoreError NAME_CONFLICT, whose message has the other name */
  require(paths: readonly string[], options: NameOptions): Promise<void>;
  /**
   * Lets images get their names when it is their turn, and has them listed; until they are, they count as well.
   *
   * @throws StoreError NAME_CONFLICT; whatever `work` throws
   */
  give<Given>(
    paths: readonly string[],
    options: NameOptions,
    work: { give(): Promise<Given>; list(given: Given): Promise<unknown> },
  ): Promise<Given>;
}

export interface NamesDeps {
  /** One change of names after another. */
  inTurn<T>(work: () => Promise<T>): Promise<T>;
  /** An image whose path differs from a path in case alone; undefined: there is none, or one at the path itself. */
  caseTwinOf(path: string): string | undefined;
  /** Whether something stands at a path: what is listed may just have gone. */
  isThere(path: string): Promise<boolean>;
}

export function createNames({ inTurn, caseTwinOf, isThere }: NamesDeps): Names {
  /** Names that are given, and that nobody lists yet. */
  const given = new Set<{ readonly path: string }>();

  function givenTwinOf(path: string): string | undefined {
    const paths = new Set([...given].map((each) => each.path));
    const index = createCaseIndex((each) => paths.has(each));
    for (const each of paths) index.add(each);
    return index.twinOf(path);
  }

  async function requireNames(
    paths: readonly string[],
    { isForeignName = false, leaves }: NameOptions,
  ): Promise<void> {
    if (isForeignName) return;
    const [among] = findCaseTwins(paths);
    if (among !== undefined) {
      const [path, twin] = among;
      throw new StoreError(
        'NAME_CONFLICT',
        `"${path}" and "${twin}" differ in upper and lower case alone: one of them needs another name.`,
        { details: { path, twin } },
      );
    }
    for (const path of paths) {
      const listed = caseTwinOf(path);
      const twin =
        givenTwinOf(path) ?? (listed !== undefined && (await isThere(listed)) ? listed : undefined);
      if (twin === undefined || twin === leaves) continue;
      throw new StoreError(
        'NAME_CONFLICT',
        `"${path}" differs from "${twin}", which is here, in upper and lower case alone: give another name, or that one to replace it.`,
        { details: { path, twin } },
      );
    }
  }

  return {
    require: requireNames,
    async give(paths, options, { give, list }) {
      const own = paths.map((path) => ({ path }));
      const done = await inTurn(async () => {
        await requireNames(paths, options);
        const made = await give();
        for (const each of own) given.add(each);
        return made;
      });
      try {
        await list(done);
      } finally {
        for (const each of own) given.delete(each);
      }
      return done;
    },
  };
}
