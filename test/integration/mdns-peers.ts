// SPDX-License-Identifier: Apache-2.0
import type { Namespace } from '../lab/namespace.ts';
import { readJsonLines } from './json-lines.ts';
import type { ResponderRule } from './scripted-responder.ts';

/** One of many neighbours. */
export interface MdnsPeerScript {
  /** Of the namespace's interface, without the prefix length. */
  readonly address: string;
  readonly rules: readonly Pick<ResponderRule, 'question' | 'hex' | 'byUnicast' | 'fromOtherPort'>[];
  /** What `GET /image.img` brings: the file, or a redirect to there; null: nobody listens. */
  readonly web: 'file' | (string & {}) | null;
}

/** Starts them all in a namespace; they are ready when this returns. */
export async function startMdnsPeers(namespace: Namespace, peers: readonly MdnsPeerScript[]): Promise<void> {
  const child = namespace.start(['node', 'test/integration/programs/mdns-peers.ts', JSON.stringify(peers)]);
  await readJsonLines<{ readonly event: string }>(child).waitFor('peers', ({ event }) => event === 'ready');
}
