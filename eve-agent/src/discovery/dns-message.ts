// SPDX-License-Identifier: Apache-2.0
import { type Answer, encode, type Question } from 'dns-packet';

export type { Answer as DnsRecord } from 'dns-packet';

/** A decoded DNS message, as dns-packet makes it. */
export interface DnsMessage {
  readonly type?: 'query' | 'response' | undefined;
  readonly answers?: readonly Answer[] | undefined;
  readonly authorities?: readonly Answer[] | undefined;
  readonly additionals?: readonly Answer[] | undefined;
}

/** One datagram with questions. */
export interface MdnsQuery {
  readonly questions: readonly MdnsQuestion[];
  /** RFC 6762 §7.1: what need not be answered again. */
  readonly knownAnswers?: readonly Answer[];
  /**
   * RFC 6762 §5.4, the QU bit on every question: answers may come by unicast. Only for a first question; it
   * gets an answer from a responder that sent the same one to the group within the last second.
   */
  readonly wantsUnicast?: boolean;
}

export interface MdnsQuestion {
  readonly name: string;
  readonly type: 'A' | 'AAAA' | 'PTR' | 'SRV' | 'TXT';
}

const HEADER_BYTES = 12;
const CLASS_IN_WITH_QU = 0x8001;

/** All records of a message, the sections in their order. */
export function recordsOf({
  answers = [],
  authorities = [],
  additionals = [],
}: DnsMessage): readonly Answer[] {
  return [...answers, ...authorities, ...additionals];
}

/** A query's bytes: ID 0 and no flags (RFC 6762 §18). */
export function encodeQuery({ questions, knownAnswers = [], wantsUnicast = false }: MdnsQuery): Buffer {
  const asked: Question[] = questions.map(({ name, type }) => ({ name, type, class: 'IN' }));
  const bytes = encode({ type: 'query', id: 0, questions: asked, answers: [...knownAnswers] });
  if (!wantsUnicast) return bytes;
  // dns-packet 5.6.1 cannot write the QU bit: its classes are names. The questions follow the header, never
  // compressed, each a name, two bytes of type and two of class.
  let offset = HEADER_BYTES;
  for (const _ of questions) {
    for (let length = bytes[offset] ?? 0; length !== 0; length = bytes[offset] ?? 0) offset += 1 + length;
    offset = bytes.writeUInt16BE(CLASS_IN_WITH_QU, offset + 3);
  }
  return bytes;
}

/**
 * The same questions as a resolver asks that does not take part in multicast DNS: from a port of its own, one a
 * datagram, without known answers and the QU bit. Answers come to that port alone (RFC 6762 §5.1, §6.7).
 */
export function oneShotQueries({ questions }: MdnsQuery): MdnsQuery[] {
  return questions.map((question) => ({ questions: [question] }));
}
