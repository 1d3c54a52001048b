// SPDX-License-Identifier: Apache-2.0
import type { Socket } from 'node:net';
import { descriptorOf } from '@local-datastore/shared/confinement/system/descriptor-of';
import type { FlowOptions, FlowPlace } from '../../transfer/flow.ts';
import type { FlowGift } from '../calves/net/net-messages.ts';
import { AskRefusal, type Gift } from '../exchange/serve-asks.ts';
import { judgePlace, type PlaceFacts } from './judge-place.ts';
import type { KeptFlows } from './kept-flows.ts';

export interface FlowGiverDeps {
  /** As `openUnreadConnection`. */
  connect(place: FlowPlace, options: FlowOptions): Promise<Socket>;
  readonly flows: KeptFlows;
}

/**
 * Opens a connection for a calf, where it may be connected to.
 *
 * @param isReturnable whether the calf may give it back: then it is kept until the calf lets it go
 * @throws what `connect` does; AskRefusal why the calf may not be connected there
 */
export async function giveFlow(
  { connect, flows }: FlowGiverDeps,
  { place, isReturnable }: { readonly place: FlowPlace; readonly isReturnable: boolean },
  facts: PlaceFacts,
  signal: AbortSignal,
): Promise<Gift> {
  const verdict = judgePlace(place, facts);
  if (verdict.kind === 'refused') throw new AskRefusal('DENIED', verdict.why);
  const socket = await connect(verdict.place, { signal });
  // Whatever happens to it while it is the calf's is told to the calf.
  socket.on('error', () => {});
  const fd = descriptorOf(socket);
  if (fd === null) throw new Error('the connection was closed');
  const close = () => void socket.destroy();
  if (!isReturnable)
    return { value: { flow: null } satisfies FlowGift, descriptor: { fd, kind: 'stream', close } };
  const flow = flows.keep(socket);
  return {
    value: { flow } satisfies FlowGift,
    descriptor: { fd, kind: 'stream', close() {} },
    letGo: () => flows.drop(flow),
  };
}
