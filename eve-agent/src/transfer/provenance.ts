// SPDX-License-Identifier: Apache-2.0
import { statedCoding } from './content-coding.ts';
import {
  type HeaderFields,
  ifRangeOf,
  readStatedSha256,
  readValidators,
  singleValue,
  type Validators,
} from './validators.ts';

/** The response that stored bytes came with first. */
export interface StoredFrom {
  readonly validators: Validators;
  readonly totalBytes: number | null;
}

/** What is to be kept of a response with first bytes. */
export const storedFrom = (headers: HeaderFields, totalBytes: number | null): StoredFrom => ({
  validators: readValidators(headers),
  totalBytes,
});

/** What is known of the bytes that are here: where they come from, and what their datastore says of them. */
export class Provenance {
  #stored: StoredFrom | null = null;
  #statedSha256: string | null = null;
  #statedCoding: string | null = null;
  #resumedFromBytes = 0;
  #isPieced = false;
  #acceptsRanges = false;

  /** Null: nothing is stored. */
  get stored(): StoredFrom | null {
    return this.#stored;
  }

  /** The digest of the whole, by the datastore's own word; null: it gave none. */
  get statedSha256(): string | null {
    return this.#statedSha256;
  }

  /** The coding by the datastore's own word, as it may be shown; null: none. */
  get statedCoding(): string | null {
    return this.#statedCoding;
  }

  /** How many bytes an earlier run had stored that are still here. */
  get resumedFromBytes(): number {
    return this.#resumedFromBytes;
  }

  /** Whether what is here came with several responses, which may be of different files after all. */
  get isPieced(): boolean {
    return this.#isPieced;
  }

  /** Whether the last response says that another one can go on from the middle. */
  get acceptsRanges(): boolean {
    return this.#acceptsRanges;
  }

  /** What an earlier run stored is gone on from. */
  resume(stored: StoredFrom, sizeBytes: number): void {
    this.#stored = stored;
    this.#resumedFromBytes = sizeBytes;
    this.#isPieced = true;
  }

  /** Another response brings bytes. @param from where they begin; 0: nothing that was here stays */
  expect(from: number, headers: HeaderFields): void {
    if (from === 0) this.#resumedFromBytes = 0;
    this.#isPieced = from > 0;
    this.#acceptsRanges = from > 0 || singleValue(headers, 'accept-ranges')?.toLowerCase() === 'bytes';
  }

  /** The first bytes are about to be stored. */
  begin(headers: HeaderFields, stored: StoredFrom): void {
    this.#statedSha256 = readStatedSha256(headers);
    this.#statedCoding = statedCoding(headers);
    this.#stored = stored;
  }

  /** Later bytes are about to be stored: their response may say what the first one did not. */
  goOn(headers: HeaderFields): void {
    this.#statedSha256 ??= readStatedSha256(headers);
    this.#statedCoding ??= statedCoding(headers);
  }

  forget(): void {
    this.#stored = null;
    this.#statedSha256 = null;
    this.#statedCoding = null;
    this.#resumedFromBytes = 0;
    this.#isPieced = false;
  }

  /**
   * Whether bytes of this file can be told from those of another one under the same URL.
   *
   * @param isDigestKnown whether somebody else said what the digest of the whole is
   */
  isGuarded(isDigestKnown: boolean): boolean {
    return (
      isDigestKnown ||
      this.#statedSha256 !== null ||
      (this.#stored !== null && ifRangeOf(this.#stored.validators) !== null)
    );
  }
}
