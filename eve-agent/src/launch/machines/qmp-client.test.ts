// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createManualClock } from '@local-datastore/shared/manual-clock';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectTo, createLineReader, type QmpEvent, speakQmp } from './qmp-client.ts';

const GREETING = '{"QMP": {"version": {}, "capabilities": []}}\r\n';

describe('the monitor of a machine', () => {
  let folder: string;
  let server: Server;
  let peer: Promise<Socket>;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'qmp-'));
    server = createServer();
    peer = once(server, 'connection').then(([socket]) => socket as Socket);
    server.listen(join(folder, 'qmp'));
    await once(server, 'listening');
  });
  afterEach(async () => {
    (await peer).destroy();
    server.close();
    await rm(folder, { recursive: true });
  });

  /** Answers each command by its name. */
  async function answering(answers: (command: string, id: number) => string | null): Promise<void> {
    const socket = await peer;
    socket.on('error', () => {});
    socket.write(GREETING);
    socket.on('data', (chunk: Buffer) => {
      for (const line of chunk.toString().split('\n').filter(Boolean)) {
        const { execute, id } = JSON.parse(line);
        const answer = execute === 'qmp_capabilities' ? `{"return": {}, "id": ${id}}` : answers(execute, id);
        if (answer !== null) socket.write(`${answer}\n`);
      }
    });
  }
  const open = async (events: QmpEvent[] = [], clock = createManualClock()) =>
    speakQmp(await connectTo(join(folder, 'qmp')), clock, (event) => events.push(event));

  it('answers what was asked, whatever comes between', async () => {
    const events: QmpEvent[] = [];
    const opening = open(events);
    const held: string[] = [];
    await answering((command, id) => {
      held.push(`{"return": {"of": "${command}"}, "id": ${id}}`);
      if (held.length < 2) return null;
      return `{"event": "STOP"}\n{"return": {}, "id": 999}\n${held.reverse().join('\n')}`;
    });
    const client = await opening;
    expect(await Promise.all([client.execute('a'), client.execute('b')])).toEqual([{ of: 'a' }, { of: 'b' }]);
    expect(events).toEqual([{ name: 'STOP', data: {} }]);
  });

  it('says why it refuses', async () => {
    const opening = open();
    await answering(
      (_command, id) => `{"error": {"class": "GenericError", "desc": "no such node"}, "id": ${id}}`,
    );
    await expect((await opening).execute('x')).rejects.toMatchObject({
      code: 'QMP_REFUSED',
      message: 'no such node',
    });
  });

  it('that goes away leaves nobody waiting', async () => {
    const opening = open();
    await answering(() => null);
    const client = await opening;
    const asked = client.execute('x');
    (await peer).destroy();
    await expect(asked).rejects.toMatchObject({ code: 'QMP_AWAY' });
    await client.closed;
    await expect(client.execute('y')).rejects.toMatchObject({ code: 'QMP_AWAY' });
  });

  it('that says nothing is one that is away', async () => {
    const clock = createManualClock();
    const opening = open([], clock);
    const refused = expect(opening).rejects.toThrow('has not answered within 10 s');
    await peer;
    await expect.poll(() => clock.pendingTimers()).toBe(1);
    clock.advance(10_000);
    await refused;
  });

  it.each([
    ['garbage', 'SSH-2.0-x\n', 'no JSON'],
    ['another document', '[1]\n', 'no QMP'],
    ['an event of another kind', '{"event": 7}\n', 'no QMP'],
    ['a line without end', 'x'.repeat(1024 * 1024 + 1), 'a line of over 1048576 bytes'],
    ['an end', '', 'closed the connection'],
  ])('with %s instead of a greeting is none', async (_what, text, why) => {
    const refused = expect(open()).rejects.toThrow(why);
    const socket = await peer;
    socket.on('error', () => {});
    socket.end(text);
    await refused;
  });
});

it('lines are put together of any pieces', () => {
  const seen: unknown[] = [];
  const read = createLineReader((message) => seen.push(message.id));
  for (const byte of Buffer.from('{"id": 1}\r\n\n{"id": 2}\n{"id": 3}')) read(Buffer.of(byte));
  expect(seen).toEqual([1, 2]);
  read(Buffer.from('\n{"id": 4}\n'));
  expect(seen).toEqual([1, 2, 3, 4]);
});
