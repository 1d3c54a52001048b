// SPDX-License-Identifier: Apache-2.0
/** A section of CHANGELOG.md, in the form of Keep a Changelog 1.1. */
export interface Release {
  readonly version: string;
  /** As it stands there, `2026-02-03`; undefined: of what is not released. */
  readonly date: string | undefined;
  /** Markdown below the heading. */
  readonly notes: string;
}

const HEADING = /^## \[([^\]]+)\](?: - (\d{4}-\d{2}-\d{2}))?$/;

/** The sections of a changelog, newest first. */
export function readChangelog(text: string): Release[] {
  const [, ...sections] = text.split(/^(?=## )/m);
  return sections.flatMap((section) => {
    const [heading = '', ...lines] = section.split('\n');
    const [, version, date] = HEADING.exec(heading) ?? [];
    return version === undefined ? [] : [{ version, date, notes: lines.join('\n').trim() }];
  });
}
