// SPDX-License-Identifier: Apache-2.0
import { MAX_MESSAGE_BYTES } from './segment-reader.ts';
import { StoreError } from './store-error.ts';

/** A struct of at most one word of data. */
export interface StructValue {
  /** The word's two halves, as the wire has them: little endian, the low one first. */
  readonly low: number;
  readonly high: number;
  /** Null pointers where there is nothing. */
  readonly pointers: readonly (PointerValue | null)[];
}

/** What a pointer leads to: Data, List(Text) or a struct. */
export type PointerValue = Uint8Array | readonly string[] | StructValue;

const WORD_BYTES = 8;
const TABLE_BYTES = 8;
const ELEMENTS_OF_A_BYTE = 2;
const ELEMENTS_THAT_ARE_POINTERS = 6;
/** A struct without content points at its own pointer. */
const EMPTY_STRUCT = 0xfffffffc;

const isTexts = (value: PointerValue): value is readonly string[] => Array.isArray(value);
const wordsOfBytes = (bytes: number) => Math.ceil(bytes / WORD_BYTES);
/** With the NUL at its end. */
const textBytes = (text: string) => text.length + 1;

/** The sections of a struct without what is zero at their ends, as the canonical form has them. */
function sectionsOf({ low, high, pointers }: StructValue) {
  const used = pointers.findLastIndex((each) => each !== null) + 1;
  return { dataWords: low === 0 && high === 0 ? 0 : 1, pointers: pointers.slice(0, used) };
}

/** Of what a pointer leads to, with all that it leads to. */
function wordsOf(value: PointerValue | null): number {
  if (value === null) return 0;
  if (value instanceof Uint8Array) return wordsOfBytes(value.length);
  if (isTexts(value)) return value.reduce((words, text) => words + 1 + wordsOfBytes(textBytes(text)), 0);
  const { dataWords, pointers } = sectionsOf(value);
  return pointers.reduce((words, each) => words + wordsOf(each), dataWords + pointers.length);
}

/** Writes objects one after another, each before what it points to: the canonical order. */
class SegmentWriter {
  readonly #message: Buffer;
  #free = 1;

  constructor(message: Buffer) {
    this.#message = message;
  }

  /** Writes what a pointer leads to, and the pointer at its word. */
  write(word: number, value: PointerValue | null): void {
    if (value === null) return;
    if (value instanceof Uint8Array) this.#writeBytes(word, value);
    else if (isTexts(value)) this.#writeTexts(word, value);
    else this.#writeStruct(word, value);
  }

  #writeBytes(word: number, bytes: Uint8Array): void {
    this.#message.set(bytes, this.#writeListPointer(word, ELEMENTS_OF_A_BYTE, bytes.length) + TABLE_BYTES);
    this.#free += wordsOfBytes(bytes.length);
  }

  #writeTexts(word: number, texts: readonly string[]): void {
    const first = this.#writeListPointer(word, ELEMENTS_THAT_ARE_POINTERS, texts.length) / WORD_BYTES;
    this.#free += texts.length;
    for (const [i, text] of texts.entries()) {
      const start = this.#writeListPointer(first + i, ELEMENTS_OF_A_BYTE, textBytes(text));
      this.#message.write(text, start + TABLE_BYTES, 'latin1');
      this.#free += wordsOfBytes(textBytes(text));
    }
  }

  #writeStruct(word: number, value: StructValue): void {
    const { dataWords, pointers } = sectionsOf(value);
    if (dataWords + pointers.length === 0) {
      this.#writePointer(word, EMPTY_STRUCT, 0);
      return;
    }
    const start = this.#free;
    this.#writePointer(word, (start - word - 1) * 4, dataWords + pointers.length * 0x1_0000);
    if (dataWords > 0) this.#writePointer(start, value.low, value.high);
    this.#free += dataWords + pointers.length;
    for (const [i, each] of pointers.entries()) this.write(start + dataWords + i, each);
  }

  /** @returns where the list begins, in bytes from the beginning of the segment */
  #writeListPointer(word: number, elementSize: number, count: number): number {
    this.#writePointer(word, (this.#free - word - 1) * 4 + 1, count * 8 + elementSize);
    return this.#free * WORD_BYTES;
  }

  #writePointer(word: number, low: number, high: number): void {
    const start = TABLE_BYTES + word * WORD_BYTES;
    this.#message.writeUInt32LE(low, start);
    this.#message.writeUInt32LE(high, start + 4);
  }
}

/**
 * A message of one segment in Cap'n Proto's canonical form: one value has one form, so that the same is the same bytes.
 *
 * @throws StoreError TOO_LARGE for more than a message may have
 */
export function encodeMessage(root: StructValue): Uint8Array {
  const words = 1 + wordsOf(root);
  const bytes = TABLE_BYTES + words * WORD_BYTES;
  if (bytes > MAX_MESSAGE_BYTES) throw new StoreError('TOO_LARGE', `a message of ${bytes} bytes`);
  const message = Buffer.alloc(bytes);
  message.writeUInt32LE(words, 4);
  new SegmentWriter(message).write(0, root);
  return message;
}
