// SPDX-License-Identifier: Apache-2.0
/** Whether a text fits a pattern in which `*` stands for any characters and `?` for one. Takes no longer than their product. */
export function fitsPattern(text: string, pattern: string): boolean {
  let at = 0;
  let index = 0;
  let star = -1;
  let resume = 0;
  while (at < text.length) {
    const wanted = pattern[index];
    if (wanted === '*') {
      star = index;
      resume = at;
      index += 1;
    } else if (wanted !== undefined && (wanted === '?' || wanted === text[at])) {
      index += 1;
      at += 1;
    } else if (star >= 0) {
      // The last star takes one more.
      resume += 1;
      at = resume;
      index = star + 1;
    } else return false;
  }
  while (pattern[index] === '*') index += 1;
  return index === pattern.length;
}

const NATURAL = new Intl.Collator('en', { numeric: true });

/** The tags that fit one of the patterns, each once, `1.9` before `1.10`; not those that carry signatures, which come along. */
export function selectTags(tags: Iterable<string>, patterns: readonly string[]): string[] {
  return [...new Set(tags)]
    .filter((tag) => !isAttachedTag(tag) && patterns.some((pattern) => fitsPattern(tag, pattern)))
    .sort(NATURAL.compare);
}

/** Whether a tag stands for what refers to an image: the fallback of the referrers API, or a tag of cosign. */
export const isAttachedTag = (tag: string): boolean =>
  /^sha(?:256|512)-[0-9a-f]{32,128}(?:\.(?:sig|att|sbom))?$/.test(tag);
