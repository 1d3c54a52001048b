// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { MDNS_PORT } from '@local-datastore/shared/dns-sd/service-types';
import { decode, encode } from 'dns-packet';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BridgeSockets, OpenBridgeSockets, RawDatagram } from './bridge-sockets.ts';
import type { Bridge } from './bridges.ts';
import { encodeQuery, type MdnsQuestion } from './dns-message.ts';

/** Sockets under test, and a neighbour on their bridge. */
export interface BridgeSocketsUnderTest {
  readonly open: OpenBridgeSockets;
  /** One that gives sockets, and on which the group can be joined. */
  readonly bridge: Bridge;
  readonly neighbour: {
    readonly address: string;
    /** Sends to the group from port 5353. */
    say(bytes: Buffer): Promise<void>;
    /** What has come to the group. */
    heard(): readonly { readonly bytes: Buffer; readonly sourcePort: number }[];
  };
  close(): Promise<void>;
}

/** What a querier and the doctor expect of sockets. Others may speak on the bridge meanwhile. */
export function describeBridgeSocketsContract(
  name: string,
  create: () => Promise<BridgeSocketsUnderTest>,
): void {
  describe(`the sockets ${name}`, () => {
    let under: BridgeSocketsUnderTest;
    let sockets: BridgeSockets;
    let question: MdnsQuestion;

    beforeEach(async () => {
      under = await create();
      sockets = await under.open([under.bridge]);
      question = { name: `${randomUUID()}.local`, type: 'A' };
    });
    afterEach(async () => {
      await sockets.close();
      await under.close();
    });

    const answer = () =>
      encode({ type: 'response', answers: [{ ...question, type: 'A', ttl: 120, data: '10.1.0.5' }] });
    /** The source ports from which the neighbour has heard the question. */
    const askedFrom = () =>
      under.neighbour
        .heard()
        .filter(({ bytes }) => decode(bytes).questions?.some((asked) => asked.name === question.name))
        .map(({ sourcePort }) => sourcePort);

    it('have port 5353 and the group on the bridge', async () => {
      expect(sockets.bridges).toEqual([under.bridge]);
      expect([sockets.portRefusal(), sockets.joinError(under.bridge)]).toEqual([undefined, undefined]);
      expect(sockets.hearsGroup(under.bridge)).toBe(true);
      expect(await sockets.tryPortAgain()).toBe(true);
    });

    it('send to the group from port 5353', async () => {
      const query = encodeQuery({ questions: [question] });
      expect(await sockets.send(under.bridge, query)).toBeNull();
      await expect.poll(askedFrom).toEqual([MDNS_PORT]);
    });

    it('ask the group from a port of their own', async () => {
      expect(await sockets.askFromOwnPort(under.bridge, [question])).toBeNull();
      await expect.poll(askedFrom).toHaveLength(1);
      expect(askedFrom()).not.toContain(MDNS_PORT);
    });

    it('hand on what is said to the group, to each listener until it has had enough', async () => {
      const bytes = answer();
      const heard: RawDatagram[] = [];
      const listen = () =>
        sockets.listen((datagram) => {
          if (datagram.bytes.equals(bytes)) heard.push(datagram);
        });
      const stopFirst = listen();
      listen();
      await under.neighbour.say(bytes);
      await expect.poll(() => heard.length).toBe(2);
      const whole = { bytes, source: under.neighbour.address, sourcePort: MDNS_PORT, isToOwnPort: false };
      expect(heard).toEqual([whole, whole]);
      stopFirst();
      await under.neighbour.say(bytes);
      await expect.poll(() => heard.length).toBe(3);
    });

    it('say that nothing can be sent any more once they are closed, as often as they are', async () => {
      await sockets.close();
      await sockets.close();
      expect(await sockets.send(under.bridge, answer())).toEqual(expect.any(String));
      expect(await sockets.askFromOwnPort(under.bridge, [question])).toBeNull();
      expect(await sockets.tryPortAgain()).toBe(false);
      expect(askedFrom()).toEqual([]);
    });
  });
}
