// SPDX-License-Identifier: Apache-2.0
import { extname } from 'node:path';
import type { ImageFormat } from '../../formats/image-description.ts';
import type { Catalogue, Image } from '../../images/catalogue.ts';
import type { DistantFile } from './image-lists.ts';
import type { ImageUpstreams } from './open-image-upstreams.ts';

/** From where an image comes that is not here yet. */
export interface ImageOrigin {
  /** For people. */
  readonly name: string;
  /** How much of it is here; null: nobody has asked for it yet. */
  readonly receivedBytes: number | null;
  /** Why it could not be had lately, as a sentence; null: nothing is wrong. */
  readonly reason: string | null;
}

/** An image that is here, or one that comes when it is asked for. */
export interface ShownImage extends Omit<Image, 'state'> {
  readonly state: Image['state'] | 'upstream';
  /** Of one that is not here yet. */
  readonly upstream?: ImageOrigin;
}

/** What is here, and what can come: what is here goes before. */
export interface ShownImages {
  list(): readonly ShownImage[];
  find(path: string): ShownImage | undefined;
  /** Another one whenever {@link ShownImages.list} may say something else. */
  revision(): string;
}

export interface ShownImagesDeps {
  readonly catalogue: Pick<Catalogue, 'list' | 'find' | 'revision'>;
  readonly upstreams: Pick<
    ImageUpstreams,
    'find' | 'files' | 'revision' | 'fetches' | 'failureOf' | 'status'
  >;
}

/** What a name says of the format, until the content can be looked at. */
const FORMATS_OF_ENDING: Readonly<Record<string, ImageFormat>> = {
  '.qcow2': 'qcow2',
  '.qcow': 'qcow2',
  '.vmdk': 'vmdk',
  '.vhd': 'vhd',
  '.vhdx': 'vhdx',
  '.ova': 'ova',
  '.iso': 'iso',
  '.raw': 'raw',
};

function describe({ path, file }: DistantFile): Pick<ShownImage, 'format' | 'content'> {
  if (file.format !== undefined) return { format: file.format, content: file.format };
  const ending = extname(path).toLowerCase();
  const format = Object.hasOwn(FORMATS_OF_ENDING, ending) ? FORMATS_OF_ENDING[ending] : undefined;
  return format === undefined ? { format: 'raw', content: 'unknown' } : { format, content: format };
}

export function createShownImages({ catalogue, upstreams }: ShownImagesDeps): ShownImages {
  function show(distant: DistantFile, receivedBytes: number | null, listedAt: string): ShownImage {
    const { path, file, upstream } = distant;
    const { sizeBytes, sha256 } = file;
    return {
      ...{ path, sizeBytes, sha256, state: 'upstream', isGrowing: false, hashedBytes: 0, verifiedAt: null },
      ...describe(distant),
      ...{ virtualSizeBytes: null, problems: [], modified: file.modified ?? listedAt },
      upstream: { name: upstream.name, receivedBytes, reason: upstreams.failureOf(sha256) ?? null },
    };
  }

  /** By sha256, how much has come of what is on its way. */
  const received = () => new Map(upstreams.fetches().map((each) => [each.sha256, each.receivedBytes]));
  /** When lists were read, by the name of their upstream. */
  const listed = () => new Map(upstreams.status().map(({ name, listedAt }) => [name, listedAt]));
  const unknownTime = new Date(0).toISOString();

  return {
    list() {
      const here = catalogue.list();
      const bytes = received();
      const times = listed();
      const coming: ShownImage[] = [];
      for (const distant of upstreams.files()) {
        if (catalogue.find(distant.path) !== undefined) continue;
        const listedAt = times.get(distant.upstream.name) ?? unknownTime;
        coming.push(show(distant, bytes.get(distant.file.sha256) ?? null, listedAt));
      }
      if (coming.length === 0) return here;
      return [...here, ...coming].sort((a, b) => (a.path < b.path ? -1 : 1));
    },
    find(path) {
      const here = catalogue.find(path);
      if (here !== undefined) return here;
      const distant = upstreams.find(path);
      if (distant === undefined) return undefined;
      const listedAt = listed().get(distant.upstream.name) ?? unknownTime;
      return show(distant, received().get(distant.file.sha256) ?? null, listedAt);
    },
    revision: () => `${catalogue.revision()}-${upstreams.revision()}`,
  };
}
