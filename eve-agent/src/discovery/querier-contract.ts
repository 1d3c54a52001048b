// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Bridge } from './bridges.ts';
import type { DnsMessage, MdnsQuestion } from './dns-message.ts';
import type { OpenQuerier, Querier, ReceivedResponse } from './querier.ts';

/** A querier under test, and a neighbour on its bridge. */
export interface QuerierUnderTest {
  readonly open: OpenQuerier;
  /** One that can be asked on. */
  readonly bridge: Bridge;
  readonly neighbour: {
    /** In the bridge's subnet. */
    readonly address: string;
    /** Sends a response to the group. */
    answer(message: DnsMessage): Promise<void>;
    /** The questions that were asked, in order, each as often as it came. */
    asked(): readonly { readonly name: string; readonly type: string }[];
  };
  close(): Promise<void>;
}

/** What a search expects of every querier. Others may speak on the bridge meanwhile. */
export function describeQuerierContract(name: string, create: () => Promise<QuerierUnderTest>): void {
  describe(`the querier ${name}`, () => {
    let under: QuerierUnderTest;
    let querier: Querier;
    let question: MdnsQuestion;
    let message: DnsMessage;

    beforeEach(async () => {
      under = await create();
      querier = await under.open([under.bridge]);
      question = { name: `${randomUUID()}.local`, type: 'A' };
      const { address: data } = under.neighbour;
      message = {
        type: 'response',
        answers: [{ name: question.name, type: 'A', class: 'IN', ttl: 120, data }],
      };
    });
    afterEach(async () => {
      await querier.close();
      await under.close();
    });

    /** Responses that are ours, as a listener gets them. */
    function listen(): ReceivedResponse[] {
      const heard: ReceivedResponse[] = [];
      querier.onResponse((response) => {
        if (response.message.answers?.some((record) => record.name === question.name)) heard.push(response);
      });
      return heard;
    }
    const asked = () => under.neighbour.asked().filter((each) => each.name === question.name);

    it('asks on the bridges that it was opened for', () => {
      expect(querier.bridges).toEqual([under.bridge]);
    });

    it.each(['ask', 'askOneShot'] as const)('sends a question out: %s', async (way) => {
      querier[way](under.bridge, { questions: [question] });
      await expect.poll(asked).toContainEqual(expect.objectContaining(question));
    });

    it('hands what is answered to every listener, with whence it came', async () => {
      const [first, second] = [listen(), listen()];
      await under.neighbour.answer(message);
      await expect.poll(() => [first.length, second.length]).toEqual([1, 1]);
      for (const [response] of [first, second]) {
        expect(response).toMatchObject({ source: under.neighbour.address, bridge: under.bridge });
        expect(response?.message).toMatchObject({
          type: 'response',
          answers: [{ ...question, ttl: 120, data: under.neighbour.address }],
        });
      }
    });

    it('counts what came, and what a listener rejects', async () => {
      const heard = listen();
      const before = querier.packets();
      await under.neighbour.answer(message);
      await expect.poll(() => heard.length).toBe(1);
      querier.countRejected();
      expect(querier.packets().received).toBeGreaterThan(before.received);
      expect(querier.packets().rejected).toBeGreaterThan(before.rejected);
    });

    it('asks no more once it is closed', async () => {
      querier.ask(under.bridge, { questions: [question] });
      await querier.close();
      const before = asked().length;
      querier.ask(under.bridge, { questions: [question] });
      querier.askOneShot(under.bridge, { questions: [question] });
      expect(asked()).toHaveLength(before);
    });
  });
}
