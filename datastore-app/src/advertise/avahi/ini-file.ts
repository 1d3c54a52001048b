// SPDX-License-Identifier: Apache-2.0
import { type AvahiPlace, malformed } from './avahi-file.ts';

/** One `key=value` of a section; section and key lower case, as Avahi does not tell cases apart. */
export interface IniEntry extends AvahiPlace {
  readonly section: string;
  readonly key: string;
  readonly value: string;
}

/**
 * Reads the form of `avahi-daemon.conf`: sections in brackets, one `key=value` a line, comments that begin
 * with `#`, `%` or `;`.
 *
 * @param file for messages
 * @returns the sections' names and the entries, in the file's order
 * @throws ConfigurationError naming file, line and reason
 */
export function parseIniFile(
  text: string,
  file: string,
): { readonly sections: readonly (AvahiPlace & { readonly name: string })[]; readonly entries: IniEntry[] } {
  const sections: (AvahiPlace & { name: string })[] = [];
  const entries: IniEntry[] = [];
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const place = { file, line: index + 1 };
    const content = raw.trim();
    if (content === '' || /^[#%;]/.test(content)) continue;
    if (content.startsWith('[')) {
      const end = content.indexOf(']');
      if (end === -1) throw malformed(place, `the section "${content}" has no closing bracket`);
      sections.push({ ...place, name: content.slice(1, end).trim().toLowerCase() });
      continue;
    }
    const equals = content.indexOf('=');
    if (equals === -1) throw malformed(place, `"${content}" is no section, no key=value and no comment`);
    const section = sections.at(-1);
    if (section === undefined) throw malformed(place, `"${content}" stands before the first section`);
    entries.push({
      ...place,
      section: section.name,
      key: content.slice(0, equals).trim().toLowerCase(),
      value: content.slice(equals + 1).trim(),
    });
  }
  return { sections, entries };
}

/** Avahi's booleans: what begins with y, t or 1 is true. What is neither that nor a no is refused here. */
export function parseBoolean(entry: IniEntry): boolean {
  if (/^[yt1]/i.test(entry.value)) return true;
  if (/^[nf0]/i.test(entry.value)) return false;
  throw malformed(entry, `${entry.key}=${entry.value}: yes or no expected`);
}

/** Avahi's lists: separated by commas, blanks around the items ignored; an empty text is the empty list. */
export function parseList({ value }: IniEntry): string[] {
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}
