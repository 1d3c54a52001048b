// SPDX-License-Identifier: Apache-2.0
import type { Compression } from '@local-datastore/shared/compression/compression-of';
import { shownName } from './entry-name.ts';
import { damaged, ImageStreamError } from './image-stream-error.ts';

/** What was seen of a file of the archive. */
export type SeenFile = SeenLayer | SeenDocument | SeenOther;

interface Seen {
  readonly sizeBytes: number;
  /** Of its bytes, by the algorithm that its name tells; undefined where it was not wanted. */
  readonly storedHex: string | undefined;
}

/** Something that may be a layer, and was handed on under a name of ours. */
export interface SeenLayer extends Seen {
  readonly kind: 'layer';
  readonly ourName: string;
  readonly compression: Compression | undefined;
  readonly diffId: string | undefined;
  readonly problem: string | undefined;
}

/** A small JSON document. */
export interface SeenDocument extends Seen {
  readonly kind: 'document';
  readonly bytes: Buffer;
}

export interface SeenOther extends Seen {
  readonly kind: 'other';
  /** As the end of a sentence. */
  readonly what: string;
}

/** The files of an archive by name. */
export interface Inventory {
  /** @throws ImageStreamError ARCHIVE_DAMAGED where another content has the name; ARCHIVE_TOO_LARGE */
  addFile(name: string, file: SeenFile): void;
  /** @throws ImageStreamError ARCHIVE_DAMAGED where something else has the name */
  addLink(name: string, target: string): void;
  /** Links are followed. */
  find(name: string): SeenFile | undefined;
  names(): IterableIterator<string>;
}

/** `docker save` of old made chains of one link; nobody makes long ones. */
const MAX_LINKS = 8;
/** An index of thirty platforms has about half a mebibyte of them. */
const MAX_DOCUMENTS_BYTES = 8 * 1024 * 1024;

function isSame(left: SeenFile, right: SeenFile): boolean {
  if (left.kind === 'layer' && right.kind === 'layer')
    return left.diffId === right.diffId && left.diffId !== undefined;
  return left.kind === right.kind && left.storedHex === right.storedHex && left.storedHex !== undefined;
}

export function createInventory(): Inventory {
  const files = new Map<string, SeenFile>();
  const links = new Map<string, string>();
  let documentsBytes = 0;
  const twice = (name: string) => damaged(`it holds ${shownName(name)} twice, and not the same`);
  return {
    addFile(name, file) {
      const known = files.get(name);
      if (links.has(name) || (known !== undefined && !isSame(known, file))) throw twice(name);
      if (known !== undefined) return;
      if (file.kind === 'document') documentsBytes += file.sizeBytes;
      if (documentsBytes > MAX_DOCUMENTS_BYTES) {
        throw new ImageStreamError(
          'ARCHIVE_TOO_LARGE',
          'The documents of the archive are too large together.',
        );
      }
      files.set(name, file);
    },
    addLink(name, target) {
      if (files.has(name) || (links.get(name) ?? target) !== target) throw twice(name);
      links.set(name, target);
    },
    find(name) {
      let at: string | undefined = name;
      for (let i = 0; i < MAX_LINKS && at !== undefined && !files.has(at); i += 1) at = links.get(at);
      return at === undefined ? undefined : files.get(at);
    },
    names: () => files.keys(),
  };
}
