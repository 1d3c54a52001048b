// SPDX-License-Identifier: Apache-2.0
import { type ChangeLine, changeLineSchema } from './change.ts';
import type { ChangeAction } from './change-words.ts';
import type { LineFiles, LinePlace } from './line-files.ts';

/** A change as it was written down. */
export interface KeptChange extends ChangeLine {
  /** Of this line alone, as long as it is kept. */
  readonly id: string;
}

export interface ChangeQuery {
  readonly limit: number;
  /** Goes on behind a page: what it had as `next`; undefined: begins with the newest. */
  readonly before?: string | undefined;
  /** Stands in the name of the image, old or new, in whatever case; undefined: all. */
  readonly image?: string | undefined;
  /** These alone; undefined: all. */
  readonly action?: ChangeAction | undefined;
}

/** The newest first. */
export interface ChangePage {
  readonly changes: readonly KeptChange[];
  /** For the next page; null: this was the last. */
  readonly next: string | null;
}

export type ReadChanges = (query: ChangeQuery) => Promise<ChangePage>;

/** What was changed, and what was refused: neither takes room from the other. */
export interface ChangeFiles {
  readonly made: Pick<LineFiles, 'backwards'>;
  readonly refused: Pick<LineFiles, 'backwards'>;
}

const SOURCES = ['made', 'refused'] as const;
type Source = (typeof SOURCES)[number];
/** Where reading goes on, by source; undefined: at the newest. */
type Position = Readonly<Partial<Record<Source, LinePlace>>>;

const POSITION = /^(?:(\d{1,12})\.(\d{1,12}))?~(?:(\d{1,12})\.(\d{1,12}))?$/;

const placeOf = (file: string | undefined, start: string | undefined): LinePlace | undefined =>
  file === undefined || start === undefined ? undefined : { file: Number(file), start: Number(start) };

/** @returns undefined for what no page had as `next` */
function parsePosition(text: string): Position | undefined {
  const found = POSITION.exec(text);
  if (found === null) return undefined;
  const made = placeOf(found[1], found[2]);
  const refused = placeOf(found[3], found[4]);
  return { ...(made && { made }), ...(refused && { refused }) };
}

/** Whether {@link ChangeQuery.before} is what a page had as `next`. */
export const isPosition = (text: string): boolean => parsePosition(text) !== undefined;

const formatPosition = (position: Position): string =>
  SOURCES.map((source) => position[source])
    .map((place) => (place === undefined ? '' : `${place.file}.${place.start}`))
    .join('~');

interface Found {
  readonly source: Source;
  readonly place: LinePlace;
  readonly change: KeptChange;
}

function parseLine(text: string, schema: ReturnType<typeof changeLineSchema>): ChangeLine | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    // A crash, or a disk that was full, cut it.
    return undefined;
  }
}

function isWanted({ action, image = '', to = '' }: ChangeLine, query: ChangeQuery): boolean {
  if (query.action !== undefined && action !== query.action) return false;
  const wanted = query.image?.toLowerCase();
  return wanted === undefined || [image, to].some((name) => name.toLowerCase().includes(wanted));
}

async function* search(
  source: Source,
  files: ChangeFiles,
  query: ChangeQuery,
  before: LinePlace | undefined,
): AsyncGenerator<Found> {
  const schema = changeLineSchema();
  for await (const { text, file, start } of files[source].backwards(before)) {
    const line = parseLine(text, schema);
    if (line === undefined || !isWanted(line, query)) continue;
    yield { source, place: { file, start }, change: { id: `${source}.${file}.${start}`, ...line } };
  }
}

/** The newest of what the sources have next. */
function newestOf(heads: readonly (Found | undefined)[]): Found | undefined {
  return heads
    .filter((head) => head !== undefined)
    .reduce<Found | undefined>(
      (newest, head) => (newest !== undefined && newest.change.time >= head.change.time ? newest : head),
      undefined,
    );
}

/**
 * Reads what was written down, page by page.
 *
 * @throws RangeError where `before` is what no page had as `next`; the system's error where the files cannot be read
 */
export function createChangeReader(files: ChangeFiles): ReadChanges {
  return async (query) => {
    const position = parsePosition(query.before ?? '~');
    if (position === undefined) throw new RangeError('"before" is what no page had as "next"');
    const reached: { -readonly [Key in Source]?: LinePlace } = { ...position };
    const searches = SOURCES.map((source) => search(source, files, query, position[source]));
    const advance = async (from: AsyncGenerator<Found>) => {
      const { done, value } = await from.next();
      return done === true ? undefined : value;
    };
    try {
      const heads = await Promise.all(searches.map(advance));
      const changes: KeptChange[] = [];
      for (;;) {
        const newest = newestOf(heads);
        if (newest === undefined) return { changes, next: null };
        if (changes.length >= query.limit) return { changes, next: formatPosition(reached) };
        changes.push(newest.change);
        reached[newest.source] = newest.place;
        const at = SOURCES.indexOf(newest.source);
        const from = searches[at];
        heads[at] = from && (await advance(from));
      }
    } finally {
      await Promise.all(searches.map((each) => each.return(undefined)));
    }
  };
}
