import type { Socket } from 'node:net';
import { descriptorOf } from '@local-datastore/shared/confinement/system/descriptor-of';
import type { FlowPlace } from '../../transfer/flow.ts';
import { AskRefusal, type Gift } from '../exchange/serve-asks.ts';
import { judgePlace, type PlaceFacts } from './judge-place.ts';

/**
 * Opens a connection for a calf, where it may be connected to.
 *
 * @param connect as `openUnreadConnection`
 * @throws what `connect` does; AskRefusal why the calf may not be connected there
 */
export async function giveFlow(
  place: FlowPlace,
  facts: PlaceFacts,
  connect: (place: FlowPlace, signal: AbortSignal) => Promise<Socket>,
  signal: AbortSignal,
): Promise<Gift> {
  const verdict = judgePlace(place, facts);
  if (verdict.kind === 'refused') throw new AskRefusal('DENIED', verdict.why);
  const socket = await connect(verdict.place, signal);
  // From here on it is the calf's: this process closes what it has of it.
  socket.on('error', () => {});
  const fd = descriptorOf(socket);
  if (fd === null) throw new Error('the connection was closed');
  return {
    value: {},
    descriptor: { fd, kind: 'stream', close: () => void socket.destroy() },
  };
}
