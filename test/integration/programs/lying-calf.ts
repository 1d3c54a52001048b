// SPDX-License-Identifier: Apache-2.0
/**
 * A process for the network that was taken over: it speaks the store's protocol as it should, and lies in whatever it
 * says. To the first download that it is given it tells all lies, and fills its target with other bytes; then it floods.
 */
import { Socket } from 'node:net';
import { splitLong } from '../../../eve-agent/src/sandbox/exchange/long-value.ts';
import { watchLong } from '../../../eve-agent/src/sandbox/exchange/watch-long.ts';
import { openGivenStore } from '../../../eve-agent/src/sandbox/sdk/given-store.ts';
import { parseKeyPath } from '../../../eve-agent/src/sandbox/store/key-path.ts';
import {
  BRIDGE,
  FIRST_ASK,
  FLOODS_ARE_OVER,
  JOB,
  LIES,
  LIES_ARE_TOLD,
  type Lie,
  NEIGHBOUR,
  TARGET_LIES,
} from '../lies.ts';

const store = openGivenStore();
const bytesOf = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
/** Whatever comes of it. */
const tried = async (what: () => Promise<unknown>) => void (await what().catch(() => {}));

const handles: object[] = [];
const waiting = new Map<number, (handle: object) => void>();
process.on('message', (message: { answer: number }, handle: object | undefined) => {
  if (handle === undefined) return;
  // It lets none go.
  handles.push(handle);
  waiting.get(message.answer)?.(handle);
});
const answers = new Map<string, () => void>();

/** @returns once it is answered, whatever the answer is */
async function ask(number: number, value: unknown): Promise<void> {
  const answered = new Promise<void>((resolve) => answers.set(String(number), resolve));
  await store.write(['ask', String(number)], bytesOf(value));
  await answered;
}

async function tell(lie: Lie, number: number, job: string): Promise<void> {
  const withJob = (text: string) => text.replaceAll(JOB, job);
  // No path of a key is one that asks for all.
  const path = withJob(lie.path ?? '')
    .slice(1)
    .split('/');
  const value = bytesOf(withJob(bytesOf(lie.value ?? '').toString()));
  switch (lie.op) {
    case 'ask':
      return await ask(number, value.toString());
    case 'write':
      return await tried(() => store.write(path, value));
    case 'delete':
      return await tried(() => store.delete(path));
    case 'read':
      return await tried(() => store.read(path));
    case 'watch':
      return await tried(() => store.watch(withJob(lie.path ?? ''), () => {}));
  }
}

async function say(path: string, value: unknown): Promise<void> {
  for (const part of splitLong(parseKeyPath(path), bytesOf(value))) await store.write(part.path, part.value);
}

const operate = (number: number, job: string, sentBytes: number, operation: object) =>
  ask(number, { kind: 'operate', job, sentBytes, operation });

/** Fills the target of a job with other bytes of the right size, and says that it is done. */
async function deceive(job: string, sizeBytes: number): Promise<void> {
  let number = FIRST_ASK + LIES.length;
  const given = new Promise<object>((resolve) => waiting.set(1, resolve));
  await ask(1, { kind: 'target', job });
  const stream = new Socket({ handle: await given, readable: false } as never);
  stream.on('error', () => {});
  await tell(TARGET_LIES.again, number++, job);
  await operate(2, job, 0, { do: 'restart' });
  await tell(TARGET_LIES.resume, number++, job);
  const wrong = Buffer.alloc(sizeBytes, 'wrong');
  await new Promise((resolve) => stream.write(wrong, resolve));
  await operate(3, job, wrong.length, { do: 'publish' });
  const origin = { url: 'http://ds.local/', address: null, sourceAddress: null, bridgeName: null };
  const many = Number.MAX_SAFE_INTEGER;
  const done = { resumedFromBytes: many, receivedBytes: many, attempts: many, origin };
  await say(`/download/${job}/outcome`, { done });
}

async function flood(): Promise<void> {
  const some = async (count: number, one: (number: number) => Promise<unknown>) => {
    for (let number = 0; number < count; number += 500) {
      const batch = Array.from({ length: Math.min(500, count - number) }, (_, i) =>
        tried(() => one(number + i)),
      );
      await Promise.all(batch);
    }
  };
  const write = (path: readonly string[], value: unknown) => store.write(path, bytesOf(value));
  // Asks that are taken back at once, and that nobody waits for.
  await some(2000, async (number) => {
    const path = ['ask', `back${number}`];
    await write(path, { kind: 'operate', job: 'a', sentBytes: 2 ** 52, operation: { do: 'publish' } });
    await store.delete(path);
  });
  await some(2000, (number) => write(['ask', `lie${number}`], { kind: 'bridges' }));
  const place = {
    host: NEIGHBOUR,
    port: 80,
    localAddress: BRIDGE,
    refusesInternal: false,
    isReturnable: true,
  };
  await some(1000, (number) => write(['ask', `flow${number}`], { kind: 'flow', ...place }));
  await some(2000, (number) =>
    write(['resolved', 'ds.local', 'ip'], {
      host: 'ds.local',
      address: NEIGHBOUR,
      hasJustAsked: number % 2 === 0,
    }),
  );
  await some(200, () => store.watch('/answer/*', () => {}));
  // As many bytes as it may have, and some.
  await some(10_000, (number) => write(['resolved', `x${number}`, 'ip'], 'x'.repeat(4000)));
}

async function start(): Promise<void> {
  await store.watch('/answer/*', ({ path, value }) => {
    if (value !== null) answers.get(path[1] ?? '')?.();
  });
  await watchLong(store, '/download/*/order/*', {
    onValue: ([, job = ''], order) => void attend(job, (order as { sizeBytes: number }).sizeBytes),
  });
  // That the datastore answers, so that something is to be downloaded.
  await watchLong(store, '/probe/*/order/*', {
    onValue: ([, job = '']) => void say(`/probe/${job}/outcome`, { done: null }),
  });
  await store.write(['ready'], bytesOf(true));
}

let isFirst = true;
async function attend(job: string, sizeBytes: number): Promise<void> {
  if (!isFirst) {
    await tried(() => say(`/download/${job}/outcome`, { done: 'well' }));
    return;
  }
  isFirst = false;
  for (const [index, lie] of LIES.entries()) await tell(lie, FIRST_ASK + index, job);
  await deceive(job, sizeBytes);
  console.log(JSON.stringify({ level: 'info', msg: LIES_ARE_TOLD }));
  await flood();
  console.log(JSON.stringify({ level: 'info', msg: FLOODS_ARE_OVER }));
}

void start();
