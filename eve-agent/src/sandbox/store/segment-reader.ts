// SPDX-License-Identifier: Apache-2.0
import { MAX_COMPONENT_BYTES, MAX_PATH_COMPONENTS } from './key-path.ts';
import { StoreError } from './store-error.ts';

/** Of a message with its table of segments. */
export const MAX_MESSAGE_BYTES = 64 * 1024;

const WORD_BYTES = 8;
/** Of one segment: their number less one, and the words of the first. */
const TABLE_BYTES = 8;
/** The two low bits of a pointer. */
const POINTER_KINDS = ['a struct', 'a list', 'a far pointer', 'a capability'] as const;
/** The sizes of elements of a list, as its pointer names them. */
const ELEMENTS_OF_A_BYTE = 2;
const ELEMENTS_THAT_ARE_POINTERS = 6;
const ELEMENT_SIZES = [
  'Void',
  'Bool',
  'bytes',
  '16 bits',
  '32 bits',
  '64 bits',
  'pointers',
  'structs',
] as const;

const malformed = (why: string) => new StoreError('MALFORMED', why);

/**
 * A struct of a message that may come from anybody: every pointer stays within the segment, and nothing is allocated
 * by a length that the message claims. What is absent is the default, as Cap'n Proto has it.
 */
export class StructReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** In words from the beginning of the segment. */
  readonly #data: number;
  readonly #dataWords: number;
  readonly #pointers: number;

  constructor(bytes: Uint8Array, view: DataView, data: number, dataWords: number, pointers: number) {
    this.#bytes = bytes;
    this.#view = view;
    this.#data = data;
    this.#dataWords = dataWords;
    this.#pointers = pointers;
  }

  int32(offset: number): number {
    return this.#has(offset) ? this.#view.getInt32(this.#data * WORD_BYTES + offset, true) : 0;
  }

  uint32(offset: number): number {
    return this.int32(offset) >>> 0;
  }

  uint16(offset: number): number {
    return this.#has(offset) ? this.#view.getUint16(this.#data * WORD_BYTES + offset, true) : 0;
  }

  /** A view of the message, not a copy. */
  data(pointer: number): Uint8Array {
    return this.#bytesAt(this.#wordOf(pointer));
  }

  /** Texts of ASCII, as many and as long as a path has at most. */
  texts(pointer: number): readonly string[] {
    const list = this.#listAt(this.#wordOf(pointer), ELEMENTS_THAT_ARE_POINTERS);
    if (list.count > MAX_PATH_COMPONENTS) throw malformed(`a path of ${list.count} components`);
    return Array.from({ length: list.count }, (_, i) => this.#textAt(list.word + i));
  }

  struct(pointer: number): StructReader {
    return structAt(this.#bytes, this.#view, this.#wordOf(pointer));
  }

  #has(offset: number): boolean {
    return offset < this.#dataWords * WORD_BYTES;
  }

  /** The word that holds a pointer; null where the struct has none. */
  #wordOf(pointer: number): number | null {
    return pointer < this.#pointers ? this.#data + this.#dataWords + pointer : null;
  }

  #listAt(word: number | null, elementSize: number): { readonly word: number; readonly count: number } {
    if (word === null) return { word: 0, count: 0 };
    const [low, high] = pointerAt(this.#view, word);
    if (low === 0 && high === 0) return { word: 0, count: 0 };
    expectKind(low, 1);
    const size = high & 7;
    if (size !== elementSize) {
      throw malformed(`a list of ${ELEMENT_SIZES[size]} in the place of ${ELEMENT_SIZES[elementSize]}`);
    }
    const count = high >>> 3;
    const words = elementSize === ELEMENTS_OF_A_BYTE ? Math.ceil(count / WORD_BYTES) : count;
    return { word: targetOf(this.#bytes, word, low, words), count };
  }

  #bytesAt(word: number | null): Uint8Array {
    const list = this.#listAt(word, ELEMENTS_OF_A_BYTE);
    const start = list.word * WORD_BYTES;
    return this.#bytes.subarray(start, start + list.count);
  }

  #textAt(word: number): string {
    const bytes = this.#bytesAt(word);
    if (bytes.length === 0) return '';
    const length = bytes.length - 1;
    if (bytes[length] !== 0) throw malformed('a text without a NUL at its end');
    if (length > MAX_COMPONENT_BYTES) throw malformed(`a component of ${length} bytes`);
    let text = '';
    for (let i = 0; i < length; i += 1) {
      const byte = bytes[i] ?? 0;
      if (byte > 0x7f) throw malformed('a text that is not ASCII');
      text += String.fromCharCode(byte);
    }
    return text;
  }
}

const pointerAt = (view: DataView, word: number): readonly [low: number, high: number] => [
  view.getUint32(word * WORD_BYTES, true),
  view.getUint32(word * WORD_BYTES + 4, true),
];

function expectKind(low: number, kind: 0 | 1): void {
  const found = low & 3;
  if (found !== kind) throw malformed(`${POINTER_KINDS[found]} in the place of ${POINTER_KINDS[kind]}`);
}

/** Where a pointer leads: so many words from there on are within the segment. */
function targetOf(segment: Uint8Array, word: number, low: number, words: number): number {
  // 30 bits with a sign, from the word after the pointer.
  const target = word + 1 + ((low | 0) >> 2);
  if (target < 0 || (target + words) * WORD_BYTES > segment.length) {
    throw malformed(`a pointer to ${words} words that leads out of the segment`);
  }
  return target;
}

function structAt(segment: Uint8Array, view: DataView, word: number | null): StructReader {
  const [low, high] = word === null ? [0, 0] : pointerAt(view, word);
  if (word === null || (low === 0 && high === 0)) return new StructReader(segment, view, 0, 0, 0);
  expectKind(low, 0);
  const dataWords = high & 0xffff;
  const pointers = high >>> 16;
  const data = targetOf(segment, word, low, dataWords + pointers);
  return new StructReader(segment, view, data, dataWords, pointers);
}

/**
 * Opens a message: a table of one segment, then the segment, as Cap'n Proto's "Serialization Over a Stream" has it.
 *
 * @returns its root
 * @throws StoreError MALFORMED, as what is read from it does
 */
export function openMessage(message: Uint8Array): StructReader {
  if (message.length > MAX_MESSAGE_BYTES) throw malformed(`a message of ${message.length} bytes`);
  if (message.length < TABLE_BYTES + WORD_BYTES) throw malformed('a message that is cut short');
  const table = new DataView(message.buffer, message.byteOffset, TABLE_BYTES);
  const segments = table.getUint32(0, true) + 1;
  if (segments !== 1) throw malformed(`${segments} segments in the place of one`);
  const words = table.getUint32(4, true);
  if (words * WORD_BYTES !== message.length - TABLE_BYTES) {
    throw malformed(`a segment of ${words} words in a message of ${message.length} bytes`);
  }
  const segment = message.subarray(TABLE_BYTES);
  return structAt(segment, new DataView(segment.buffer, segment.byteOffset, segment.byteLength), 0);
}
