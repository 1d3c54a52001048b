// SPDX-License-Identifier: Apache-2.0
import { connect, type Socket } from 'node:net';
import type { Clock } from '@local-datastore/shared/clock';
import { CodedError, errorMessage } from '@local-datastore/shared/errors';
import * as z from 'zod';

/** The monitor of a machine does not answer, answers something else, or says no. */
export class QmpError extends CodedError<'QMP_AWAY' | 'QMP_INVALID' | 'QMP_REFUSED'> {}

/** What qemu tells by itself, as `SHUTDOWN`. */
export interface QmpEvent {
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A connection to the monitor of a machine (QEMU Machine Protocol). What answers there is not trusted. */
export interface QmpClient {
  /** @throws QmpError */
  execute(command: string, args?: Readonly<Record<string, unknown>>): Promise<unknown>;
  /** Resolves with the end of the connection. Never rejects. */
  readonly closed: Promise<void>;
  close(): void;
}

/** The longest answers list what a machine is made of. */
const MAX_LINE_BYTES = 1024 * 1024;
const ANSWER_LIMIT_MS = 10_000;
const LINE_FEED = 0x0a;

const messageSchema = z.looseObject({
  QMP: z.unknown().optional(),
  id: z.number().optional(),
  return: z.unknown().optional(),
  error: z.object({ desc: z.string() }).optional(),
  event: z.string().max(100).optional(),
  data: z.record(z.string(), z.unknown()).optional(),
});
type QmpMessage = z.output<typeof messageSchema>;

/** Hands on whole lines. @returns takes a piece; throws QmpError for a line that is too long or none of the protocol */
export function createLineReader(onMessage: (message: QmpMessage) => void): (chunk: Buffer) => void {
  let begun: Buffer[] = [];
  let length = 0;
  const take = (line: Buffer) => {
    const text = line.toString('utf8').trim();
    if (text === '') return;
    let document: unknown;
    try {
      document = JSON.parse(text);
    } catch (cause) {
      throw new QmpError('QMP_INVALID', 'the monitor of the machine sends no JSON', { cause });
    }
    const parsed = messageSchema.safeParse(document);
    if (!parsed.success) throw new QmpError('QMP_INVALID', 'the monitor of the machine speaks no QMP');
    onMessage(parsed.data);
  };
  return (chunk) => {
    let rest = chunk;
    for (;;) {
      const end = rest.indexOf(LINE_FEED);
      const part = end === -1 ? rest : rest.subarray(0, end);
      length += part.length;
      if (length > MAX_LINE_BYTES) {
        throw new QmpError(
          'QMP_INVALID',
          `the monitor of the machine sends a line of over ${MAX_LINE_BYTES} bytes`,
        );
      }
      begun.push(part);
      if (end === -1) return;
      const line = Buffer.concat(begun);
      begun = [];
      length = 0;
      take(line);
      rest = rest.subarray(end + 1);
    }
  };
}

interface Waiting {
  resolve(value: unknown): void;
  reject(reason: unknown): void;
}

/** Speaks over a connection that is made. @throws QmpError where it is no QMP, or does not greet in time */
export async function speakQmp(
  socket: Socket,
  clock: Clock,
  onEvent: (event: QmpEvent) => void,
): Promise<QmpClient> {
  const waiting = new Map<number, Waiting>();
  let lastId = 0;
  let why: QmpError | null = null;
  const away = () => why ?? new QmpError('QMP_AWAY', 'the monitor of the machine has closed the connection');
  let greet: Waiting | null = null;
  const fail = (error: unknown) => {
    why ??=
      error instanceof QmpError ? error : new QmpError('QMP_AWAY', errorMessage(error), { cause: error });
    socket.destroy();
  };
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  void closed.then(() => {
    for (const each of waiting.values()) each.reject(away());
    waiting.clear();
    greet?.reject(away());
  });
  socket.on('error', fail);

  const read = createLineReader((message) => {
    if (message.QMP !== undefined) return greet?.resolve(undefined);
    if (message.event !== undefined) return onEvent({ name: message.event, data: message.data ?? {} });
    const asked = waiting.get(message.id ?? -1);
    if (asked === undefined) return;
    waiting.delete(message.id ?? -1);
    if (message.error === undefined) asked.resolve(message.return);
    else asked.reject(new QmpError('QMP_REFUSED', message.error.desc.slice(0, 500)));
  });
  const greeted = new Promise<unknown>((resolve, reject) => {
    greet = { resolve, reject };
  });
  socket.on('data', (chunk: Buffer) => {
    try {
      read(chunk);
    } catch (error) {
      fail(error);
    }
  });

  /** A monitor that says nothing is one that is away. */
  async function within<T>(answer: Promise<T>): Promise<T> {
    const cancel = clock.after(ANSWER_LIMIT_MS, () =>
      fail(
        new QmpError(
          'QMP_AWAY',
          `the monitor of the machine has not answered within ${ANSWER_LIMIT_MS / 1000} s`,
        ),
      ),
    );
    try {
      return await answer;
    } finally {
      cancel();
    }
  }

  async function execute(command: string, args?: Readonly<Record<string, unknown>>): Promise<unknown> {
    if (socket.destroyed) throw away();
    lastId += 1;
    const id = lastId;
    const answer = new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
    socket.write(`${JSON.stringify({ execute: command, ...(args && { arguments: args }), id })}\n`);
    return await within(answer);
  }

  await within(greeted);
  await execute('qmp_capabilities');
  return { execute, closed, close: () => void socket.destroy() };
}

/** @throws the system's error */
export function connectTo(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      // Whoever takes it over listens a moment later: a peer that resets it meanwhile ends nothing but it.
      socket.on('error', () => {});
      resolve(socket);
    });
  });
}
