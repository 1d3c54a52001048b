// SPDX-License-Identifier: Apache-2.0
/**
 * Names the headings of one page as GitHub does: lower case, without punctuation, hyphens for blanks; repeated ones
 * are counted.
 *
 * @returns gives the anchor of the next heading, whose text is without marks
 */
export function createHeadingAnchors(): (heading: string) => string {
  const counts = new Map<string, number>();
  return (heading) => {
    const anchor = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-');
    const count = counts.get(anchor) ?? 0;
    counts.set(anchor, count + 1);
    return count === 0 ? anchor : `${anchor}-${count}`;
  };
}
