// SPDX-License-Identifier: Apache-2.0
import { parseXml, XmlElement } from '@rgrove/parse-xml';
import { ListError } from './parse-list.ts';

/** An object as ListObjectsV2 tells of it. */
export interface StoredObject {
  readonly key: string;
  readonly sizeBytes: number;
  /** Another one for other content. */
  readonly entityTag: string;
  /** ISO 8601; undefined: it is not said. */
  readonly modified: string | undefined;
}

export interface ObjectPage {
  readonly objects: readonly StoredObject[];
  /** What the next page is asked for with; undefined: there is none. */
  readonly nextToken: string | undefined;
}

function rootOf(text: string): XmlElement {
  try {
    const { root } = parseXml(text);
    if (root !== null) return root;
  } catch {
    // Its own words show the text.
  }
  throw new ListError('it is no XML');
}

const elementsOf = (parent: XmlElement, name?: string): XmlElement[] =>
  parent.children.filter(
    (child): child is XmlElement =>
      child instanceof XmlElement && (name === undefined || child.name === name),
  );
const textOf = (parent: XmlElement, name: string): string | undefined => elementsOf(parent, name)[0]?.text;

/** Reads a page of ListObjectsV2 whose keys are URL-encoded. @throws ListError */
export function parseObjectPage(text: string): ObjectPage {
  const root = rootOf(text);
  if (root.name !== 'ListBucketResult') throw new ListError('it is no list of objects');
  const isEncoded = textOf(root, 'EncodingType') === 'url';
  const objects = elementsOf(root, 'Contents').flatMap((element) => {
    const key = keyOf(textOf(element, 'Key') ?? '', isEncoded);
    const sizeBytes = Number(textOf(element, 'Size') ?? Number.NaN);
    if (key === undefined || !Number.isSafeInteger(sizeBytes)) return [];
    const date = Date.parse(textOf(element, 'LastModified') ?? '');
    const modified = Number.isNaN(date) ? undefined : new Date(date).toISOString();
    return [{ key, sizeBytes, modified, entityTag: textOf(element, 'ETag') ?? '' }];
  });
  const isTruncated = textOf(root, 'IsTruncated') === 'true';
  const token = textOf(root, 'NextContinuationToken');
  return { objects, nextToken: isTruncated ? token : undefined };
}

function keyOf(text: string, isEncoded: boolean): string | undefined {
  if (!isEncoded) return text;
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}

/** What S3's codes of errors mean for people. */
const MEANINGS: Readonly<Record<string, string>> = {
  RequestTimeTooSkewed: 'its clock and the clock here are too far apart: set the clock of this machine',
  SignatureDoesNotMatch: 'the secret is not that of the key, or region or endpoint are others',
  InvalidAccessKeyId: 'it does not know the key',
  AuthorizationHeaderMalformed: 'it expects another region',
  ExpiredToken: 'the session token has expired',
  InvalidToken: 'it does not take the session token',
  AccessDenied: 'the key may not read this',
  NoSuchBucket: 'there is no such bucket',
  PermanentRedirect: 'the bucket is at another endpoint',
  SlowDown: 'it is asked too much at present',
};

/** What a store says of a refusal, in plain words; undefined: nothing that is understood. */
export function explainStoreError(body: string): string | undefined {
  let root: XmlElement;
  try {
    root = rootOf(body);
  } catch {
    return undefined;
  }
  if (root.name !== 'Error') return undefined;
  const code = textOf(root, 'Code');
  if (code === undefined) return undefined;
  return Object.hasOwn(MEANINGS, code) ? `${MEANINGS[code]} (${code})` : code;
}
