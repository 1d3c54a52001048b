// SPDX-License-Identifier: Apache-2.0
import { encode, type Packet } from 'dns-packet';
import type { Namespace } from '../lab/namespace.ts';
import { type JsonLines, readJsonLines } from './json-lines.ts';

/** What a scripted responder sends when it is asked. */
export interface ResponderRule {
  /** Type and name, such as `A ds.local`. */
  readonly question: string;
  /** The datagram. */
  readonly hex: string;
  /** Only when the question is heard for this time, counted from 1 for port 5353 and others; absent: every time. */
  readonly time?: number;
  /** Only to who asks from port 5353, or from another; absent: to both. */
  readonly asker?: 'mdns' | 'one-shot';
  /** How often the datagram is sent; absent: once. */
  readonly copies?: number;
  /** To the asker instead of the group. */
  readonly byUnicast?: boolean;
  /** From an ephemeral port instead of 5353. */
  readonly fromOtherPort?: boolean;
}

export type ResponderEvent =
  | { readonly event: 'ready' }
  | {
      readonly event: 'asked';
      readonly source: string;
      readonly sourcePort: number;
      /** The whole query. */
      readonly hex: string;
    };

/** The bytes of a response, in hex. */
export function responseHex(packet: Pick<Packet, 'answers' | 'additionals' | 'authorities'>): string {
  return encode({ ...packet, type: 'response', flags: 0x0400 }).toString('hex');
}

/** What the web server of a neighbour has. */
export interface ServedImage {
  readonly path: string;
  /** Of {@link makeImage}. */
  readonly sizeBytes: number;
}

/**
 * Starts a neighbour in a namespace whose interface has the address; ready when this returns. It stands for another
 * machine: what keeps this one busy must not make it deaf, so it goes before others.
 */
export async function startScriptedResponder(
  namespace: Namespace,
  address: string,
  rules: readonly ResponderRule[],
  image?: ServedImage,
): Promise<JsonLines<ResponderEvent>> {
  const program = 'test/integration/programs/scripted-responder.ts';
  const child = namespace.start([
    ...['nice', '-n', '-20'],
    'node',
    program,
    address,
    JSON.stringify(rules),
    ...(image ? [JSON.stringify(image)] : []),
  ]);
  const lines = readJsonLines<ResponderEvent>(child);
  await lines.waitFor('a responder on port 5353', ({ event }) => event === 'ready');
  return lines;
}
