// SPDX-License-Identifier: Apache-2.0
import { editDistance } from '@local-datastore/shared/text/edit-distance';

/** The text most like the wanted one: a slip of the fingers apart, or longer or shorter; undefined: none is like it. */
export function nearestText(wanted: string, texts: readonly string[]): string | undefined {
  const folded = wanted.toLowerCase();
  const likely = texts
    .map((text) => ({ text, other: text.toLowerCase() }))
    .filter(({ other }) => other.startsWith(folded) || folded.startsWith(other) || isSlip(folded, other))
    .map(({ text, other }) => ({ text, distance: editDistance(folded, other) }));
  return likely.sort((left, right) => left.distance - right.distance)[0]?.text;
}

const isSlip = (wanted: string, other: string) =>
  editDistance(wanted, other) <= Math.floor(Math.max(wanted.length, other.length) / 3);
