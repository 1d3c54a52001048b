// SPDX-License-Identifier: Apache-2.0
/** A server of DHCP on `eth0` of an app of the lab that says what a test wants, right or wrong. */
import { closeSync } from 'node:fs';
import {
  assemble,
  encodeProgram,
  give,
  KEEP_WHOLE,
} from '@local-datastore/shared/confinement/filters/bpf-program';
import { openNetlinkSocket } from '@local-datastore/shared/confinement/system/netlink-socket';
import { openPacketSocket } from '@local-datastore/shared/confinement/system/packet-socket';
import { ipv4Bytes } from '../../../eve-agent/src/sandbox/calves/dhcp/address-bytes.ts';
import { CLIENT_PORT, SERVER_PORT } from '../../../eve-agent/src/sandbox/calves/dhcp/client-message.ts';
import {
  createFrameChannel,
  type ReceivedFrame,
} from '../../../eve-agent/src/sandbox/calves/dhcp/frame-channel.ts';
import { MalformedPacketError } from '../../../eve-agent/src/sandbox/calves/dhcp/malformed-packet.ts';
import {
  type DhcpMessage,
  decodeMessage,
  encodeMessage,
} from '../../../eve-agent/src/sandbox/calves/dhcp/message.ts';
import {
  MESSAGE_TYPES,
  type MessageType,
  OPTION,
} from '../../../eve-agent/src/sandbox/calves/dhcp/option-codes.ts';
import { decodeUdpFrame, encodeUdpFrame } from '../../../eve-agent/src/sandbox/calves/dhcp/udp-frame.ts';
import { createRtnetlink } from '../../../eve-agent/src/sandbox/handlers/rtnetlink/rtnetlink.ts';
import { systemClock } from '../../../shared/src/system-clock.ts';
import type { Namespace } from '../namespace.ts';
import { holdNetwork } from '../network-namespace.ts';

export interface Asked {
  readonly type: MessageType;
  readonly message: DhcpMessage;
  readonly targetMac: string;
}

/** One answer; what is not said is as it should be. */
export interface Answer {
  readonly type: MessageType;
  readonly yourAddress?: string;
  readonly source?: string;
  /** Instead of the right ones; undefined: left out. */
  readonly options?: Readonly<Record<number, Buffer | undefined>>;
  /** Changes the bytes of the message at last. */
  readonly spoil?: (bytes: Buffer) => Buffer;
  readonly message?: Partial<DhcpMessage>;
}

export interface ScriptedDhcpServer {
  /** What it heard so far, in order. */
  readonly asked: readonly Asked[];
  /** From now on it answers so; an empty list: not at all. */
  answer(decide: (asked: Asked) => readonly Answer[]): void;
  stop(): Promise<void>;
}

/** Everything is let in. */
const ALL = encodeProgram(assemble([give(KEEP_WHOLE)]));

/** @param self its address, which need not be configured */
export async function startScriptedDhcpServer(
  namespace: Namespace,
  self = '10.0.0.2',
): Promise<ScriptedDhcpServer> {
  const network = await holdNetwork(namespace);
  const netlink = network.enter(openNetlinkSocket);
  const link = (await createRtnetlink(netlink).links()).find(({ name }) => name === 'eth0');
  netlink.close();
  if (link === undefined) throw new Error('there is no eth0');
  const descriptor = network.enter(() => openPacketSocket(link.index, ALL, { waitMs: 50 }));
  const frames = createFrameChannel({ clock: systemClock }, descriptor);
  const asked: Asked[] = [];
  let decide: (question: Asked) => readonly Answer[] = () => [];

  function replyTo({ message: question }: Asked, answer: Answer): Buffer {
    const right: Record<number, Buffer | undefined> = {
      [OPTION.messageType]: Buffer.from([MESSAGE_TYPES.indexOf(answer.type) + 1]),
      [OPTION.serverIdentifier]: ipv4Bytes(answer.source ?? self),
      ...(answer.type !== 'nak' && {
        [OPTION.leaseTime]: Buffer.from([0, 0, 0, 60]),
        [OPTION.subnetMask]: ipv4Bytes('255.255.255.0'),
        [OPTION.router]: ipv4Bytes('10.0.0.1'),
      }),
      ...answer.options,
    };
    const options = new Map(
      Object.entries(right).flatMap(([code, value]) =>
        value === undefined ? [] : [[Number(code), value] as const],
      ),
    );
    const bytes = encodeMessage({
      ...question,
      operation: 'reply',
      clientAddress: '0.0.0.0',
      yourAddress: answer.type === 'nak' ? '0.0.0.0' : (answer.yourAddress ?? '10.0.0.50'),
      ...answer.message,
      options,
    });
    return encodeUdpFrame({
      sourceMac: link?.mac ?? '',
      targetMac: question.clientMac,
      source: answer.source ?? self,
      target: '255.255.255.255',
      sourcePort: SERVER_PORT,
      targetPort: CLIENT_PORT,
      payload: answer.spoil?.(bytes) ?? bytes,
    });
  }

  /** @returns null: not for servers of DHCP */
  function read({ bytes, isChecksumLeftOut }: ReceivedFrame): Asked | null {
    try {
      const { payload, targetPort, targetMac } = decodeUdpFrame(bytes, isChecksumLeftOut);
      if (targetPort !== SERVER_PORT) return null;
      const message = decodeMessage(payload);
      const type = MESSAGE_TYPES[(message.options.get(OPTION.messageType)?.[0] ?? 0) - 1];
      return type === undefined ? null : { type, message, targetMac };
    } catch (error) {
      if (error instanceof MalformedPacketError) return null;
      throw error;
    }
  }
  async function serve(): Promise<void> {
    for (let frame = await frames.read(); frame !== null; frame = await frames.read()) {
      const question = read(frame);
      if (question === null) continue;
      asked.push(question);
      for (const answer of decide(question)) await frames.write(replyTo(question, answer));
    }
  }
  const served = serve();
  return {
    asked,
    answer(next) {
      decide = next;
    },
    async stop() {
      frames.close();
      await served;
      closeSync(descriptor);
    },
  };
}

/** What a server says that does everything right. */
export const rightly =
  (more: Omit<Answer, 'type'> = {}) =>
  ({ type }: Asked): Answer[] =>
    type === 'discover' ? [{ type: 'offer', ...more }] : type === 'request' ? [{ type: 'ack', ...more }] : [];
