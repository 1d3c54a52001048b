// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import type { CalfKeys } from '../../sdk/calf-keys.ts';
import { decodeArpFrame, encodeArpAnnouncement, encodeArpProbe, isArpFrame } from './arp.ts';
import { STOPPED, step } from './client-machine.ts';
import { decodeServerFrame, encodeClientFrame } from './client-message.ts';
import type { ClientAction, ClientEvent } from './client-state.ts';
import type { FrameChannel, ReceivedFrame } from './frame-channel.ts';
import { createLeasePublisher } from './lease-publisher.ts';
import { MalformedPacketError } from './malformed-packet.ts';
import type { DHCP, DhcpCalfOptions } from './manifest.ts';
import type { RandomPart } from './timing.ts';

type Keys = CalfKeys<(typeof DHCP)['keys']>;

export interface DhcpCalfDeps {
  readonly frames: FrameChannel;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly random: RandomPart;
  readonly log: Log;
}

/** What Node's timers can wait at once; leases may be longer. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** What is decoded in a second; a link with DHCP and ARP for one host stays far below. */
const MAX_FRAMES_PER_SECOND = 200;

/** @throws Error without a hardware address, which priv writes before it starts the client */
async function readMac({ mac }: Keys): Promise<string> {
  const address = await mac.read();
  if (address === null) throw new Error('the store holds no hardware address for the client');
  return address;
}

/** Lets so many through in each second of the clock. */
function createRateLimit(clock: Clock): () => boolean {
  let windowStartMs = clock.nowMs();
  let count = 0;
  return () => {
    if (clock.nowMs() - windowStartMs >= 1000) [windowStartMs, count] = [clock.nowMs(), 0];
    count += 1;
    return count <= MAX_FRAMES_PER_SECOND;
  };
}

/**
 * The client of DHCP on one link: parses frames, asks for an address, and writes what it is told into the store. It
 * sets nothing itself.
 *
 * @param signal ends it without giving the address back; giving it back is wanted by the key `wanted`
 * @returns when it was ended, or the address was given back
 * @throws Error, StoreError what the store refuses: the client is of no use then
 */
export async function runDhcp(
  { frames, keys, clock, random, log }: DhcpCalfDeps,
  { hostName, isProbing }: DhcpCalfOptions,
  signal: AbortSignal,
): Promise<void> {
  const mac = await readMac(keys);
  const remembered = await keys.remembered.read();
  const context = { mac, random, isProbing };
  let failure: { readonly error: unknown } | null = null;
  const publisher = createLeasePublisher({
    keys,
    clock,
    onRefused(error) {
      failure ??= { error };
      frames.close();
    },
  });
  let state = STOPPED;
  let cancelTimer = () => {};
  let sending = Promise.resolve();

  const send = (frame: Buffer) => {
    sending = sending
      .then(() => frames.write(frame))
      .catch((error) => log.warn({ reason: errorMessage(error) }, 'a frame could not be sent'));
  };
  function act(action: ClientAction): void {
    switch (action.kind) {
      case 'send':
        send(encodeClientFrame({ mac, hostName }, action.message, action.to));
        log.debug({ type: action.message.type, to: action.to?.address ?? 'all' }, 'asked');
        break;
      case 'probe':
        send(encodeArpProbe(mac, action.address));
        break;
      case 'announce':
        send(encodeArpAnnouncement(mac, action.address));
        break;
      case 'publish':
        publisher.publish(action.lease);
        log.info({ address: action.lease.address, server: action.lease.server.address }, 'a lease is held');
        break;
      case 'withdraw':
        publisher.withdraw(action.reason);
        log.warn({ reason: action.reason }, 'the lease is held no longer');
        break;
      case 'ignored':
        log.debug({ reason: action.reason }, 'a message was ignored');
    }
  }
  function handle(event: ClientEvent): void {
    cancelTimer();
    const next = step(context, state, event, clock.nowMs());
    state = next.state;
    for (const action of next.actions) act(action);
    publisher.showState(state.kind);
    if (state.dueAtMs === null) return;
    const delayMs = Math.min(Math.max(state.dueAtMs - clock.nowMs(), 0), MAX_TIMER_MS);
    cancelTimer = clock.after(delayMs, () => handle({ kind: 'due' }));
  }
  function hear({ bytes, isChecksumLeftOut }: ReceivedFrame): void {
    try {
      if (isArpFrame(bytes)) handle({ kind: 'arp', packet: decodeArpFrame(bytes) });
      else handle({ kind: 'received', received: decodeServerFrame(bytes, isChecksumLeftOut) });
    } catch (error) {
      if (!(error instanceof MalformedPacketError)) throw error;
      log.debug({ reason: error.message }, 'a malformed packet was dropped');
    }
  }

  const end = () => frames.close();
  signal.addEventListener('abort', end);
  if (signal.aborted) end();
  const stopWatching: (() => void)[] = [];
  let isWanted = true;
  let hasStarted = false;
  try {
    const stopWanted = await keys.wanted.watch((value) => {
      if (value !== 'nothing') return;
      isWanted = false;
      handle({ kind: 'released' });
      end();
    });
    stopWatching.push(stopWanted);
    // What is there already was before this client.
    const stopLink = await keys.link.watch((value) => {
      if (hasStarted && value !== null) handle({ kind: 'relinked' });
    });
    stopWatching.push(stopLink);
    hasStarted = true;
    if (isWanted) handle({ kind: 'started', address: remembered });
    const isWithinRate = createRateLimit(clock);
    for (let frame = await frames.read(); frame !== null; frame = await frames.read()) {
      if (isWithinRate()) hear(frame);
    }
    await sending;
    await publisher.settled();
  } finally {
    cancelTimer();
    for (const stop of stopWatching) stop();
    signal.removeEventListener('abort', end);
  }
  if (failure !== null) throw (failure as { readonly error: unknown }).error;
}
