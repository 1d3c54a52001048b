import type { OpenFile } from './open-file.ts';

/** Some of the bytes of an open file. */
export interface FileSegment {
  readonly kind: 'file';
  readonly file: OpenFile;
  readonly offset: number;
  readonly length: number;
}

/** Bytes that are in memory, such as the headers of an archive that is made on the fly. */
export interface BufferSegment {
  readonly kind: 'buffer';
  readonly bytes: Uint8Array;
}

export type Segment = FileSegment | BufferSegment;

/** Bytes that can be sent: what stands in memory and in files, one after another. Whoever has it closes it. */
export interface ByteSource {
  /** Of all segments together. */
  readonly sizeBytes: number;
  readonly segments: readonly Segment[];
  /** Closes the files of the segments. Once. */
  close(): void;
}
