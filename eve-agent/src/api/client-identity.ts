// SPDX-License-Identifier: Apache-2.0
import type { X509Certificate } from 'node:crypto';
import {
  type AlternativeName,
  attributeType,
  type ClientIdentity,
  type NameAttribute,
} from '../launch/deployments/client-names.ts';
import { DER, type DerElement, readDer } from './der.ts';

/** Tags that names of certificates have beside those of {@link DER}. */
const TAG = {
  objectIdentifier: 0x06,
  octetString: 0x04,
  universalString: 0x1c,
  bmpString: 0x1e,
  extensions: 0xa3,
} as const;
/** GeneralName of RFC 5280 §4.2.1.6, by its context tag. */
const ALTERNATIVE_NAMES: Readonly<Record<number, AlternativeName['kind']>> = {
  129: 'EMAIL',
  130: 'DNS',
  134: 'URI',
  135: 'IP',
};
const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17';

/** X.690 §8.19: the first two arcs stand in one number. */
function readObjectIdentifier(content: Buffer): string {
  const numbers: bigint[] = [];
  let value = 0n;
  for (const byte of content) {
    value = (value << 7n) | BigInt(byte & 0x7f);
    if ((byte & 0x80) !== 0) continue;
    numbers.push(value);
    value = 0n;
  }
  const [first = 0n, ...rest] = numbers;
  const top = first < 40n ? 0n : first < 80n ? 1n : 2n;
  return [top, first - top * 40n, ...rest].join('.');
}

/** A string of any of the types that names have (RFC 5280 §4.1.2.4). */
function readString({ tag, content }: DerElement): string {
  if (tag === TAG.bmpString) return Buffer.from(content).swap16().toString('utf16le');
  if (tag === TAG.universalString) {
    return Array.from({ length: content.length / 4 }, (_, index) =>
      String.fromCodePoint(content.readUInt32BE(index * 4)),
    ).join('');
  }
  return content.toString('utf8');
}

function readName({ content }: DerElement): NameAttribute[] {
  return readDer(content).flatMap((set) =>
    readDer(set.content).map((attribute) => {
      const [type, value] = readDer(attribute.content);
      if (type?.tag !== TAG.objectIdentifier || value === undefined) throw new RangeError('no attribute');
      return { type: attributeType(readObjectIdentifier(type.content)), value: readString(value) };
    }),
  );
}

/** RFC 5952, or dotted. */
function addressText(content: Buffer): string {
  if (content.length === 4) return content.join('.');
  const groups = Array.from({ length: content.length / 2 }, (_, index) =>
    content.readUInt16BE(index * 2).toString(16),
  );
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

function readAlternativeNames(extensions: DerElement | undefined): AlternativeName[] {
  if (extensions === undefined) return [];
  const [list] = readDer(extensions.content);
  for (const extension of readDer(list?.content ?? Buffer.alloc(0))) {
    const [type, ...rest] = readDer(extension.content);
    const value = rest.at(-1);
    if (type === undefined || value?.tag !== TAG.octetString) continue;
    if (readObjectIdentifier(type.content) !== SUBJECT_ALTERNATIVE_NAME) continue;
    const [names] = readDer(value.content);
    return readDer(names?.content ?? Buffer.alloc(0)).flatMap(({ tag, content }) => {
      const kind = ALTERNATIVE_NAMES[tag];
      if (kind === undefined) return [];
      return [{ kind, value: kind === 'IP' ? addressText(content) : content.toString('latin1') }];
    });
  }
  return [];
}

/**
 * Who a certificate says that its owner is, from its bytes: in the texts that Node makes of names, what somebody put
 * into one of them may look like another.
 *
 * @throws RangeError when its names cannot be read
 */
export function clientIdentityOf(certificate: X509Certificate): ClientIdentity {
  const [whole] = readDer(certificate.raw);
  const [signed] = readDer(whole?.content ?? Buffer.alloc(0));
  const fields = readDer(signed?.content ?? Buffer.alloc(0));
  // Before it stand the version, unless it is 1, serial, algorithm, issuer and validity (RFC 5280 §4.1).
  const subject = fields[fields[0]?.tag === DER.integer ? 4 : 5];
  if (subject?.tag !== DER.sequence) throw new RangeError('the certificate has no subject');
  return {
    subject: readName(subject),
    alternativeNames: readAlternativeNames(fields.find(({ tag }) => tag === TAG.extensions)),
    sha256: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
  };
}
