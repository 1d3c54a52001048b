// SPDX-License-Identifier: Apache-2.0
import type { Query } from '../api/answers.ts';

/** Somebody who asked, by address and link, and what was asked: what was asked last comes first. */
export interface Asker {
  readonly source: string;
  readonly interface: string;
  readonly queries: readonly Query[];
}

/** Questions by who asked them: who asked last comes first. @param queries the newest first */
export function groupByAsker(queries: readonly Query[]): Asker[] {
  const groups = Map.groupBy(queries, (query) => `${query.interface} ${query.source}`);
  return [...groups.values()].flatMap((asked) => {
    const [first] = asked;
    return first === undefined ? [] : [{ source: first.source, interface: first.interface, queries: asked }];
  });
}
