// SPDX-License-Identifier: Apache-2.0
/** The messages of `roadmap.capnp`; the numbers here are where its compiler puts the fields. */
import { openMessage, type StructReader } from './segment-reader.ts';
import { encodeMessage, type StructValue } from './segment-writer.ts';
import { StoreError } from './store-error.ts';

export type RequestOperation = 'write' | 'read' | 'delete' | 'watch' | 'unwatch';

/** What a calf asks for. Whether the path is one is judged by who reads it. */
export type Request = { readonly id: number; readonly path: readonly string[] } & (
  | { readonly op: 'write'; readonly value: Uint8Array }
  | { readonly op: Exclude<RequestOperation, 'write'> }
);

/** What a watch tells. */
export type WatchEvent = { readonly seq: number; readonly path: readonly string[] } & (
  | { readonly kind: 'value'; readonly value: Uint8Array }
  | { readonly kind: 'deleted' }
  | { readonly kind: 'lost'; readonly value: Uint8Array }
);

export type Response = { readonly id: number } & (
  | { readonly kind: 'ok'; readonly value: Uint8Array }
  | { readonly kind: 'error'; readonly value: Uint8Array }
  | { readonly kind: 'event'; readonly event: WatchEvent }
);

/** By the numbers of the unions. */
const OPERATIONS: readonly RequestOperation[] = ['write', 'read', 'delete', 'watch', 'unwatch'];
const RESPONSE_KINDS: readonly Response['kind'][] = ['ok', 'error', 'event'];
const EVENT_KINDS: readonly WatchEvent['kind'][] = ['value', 'deleted', 'lost'];

/** All three structs have a number of 32 bits first, and which member of the union it is after it. */
const NUMBER_OFFSET = 0;
const TAG_OFFSET = 4;

function memberOf<Member>(members: readonly Member[], struct: StructReader, what: string): Member {
  const tag = struct.uint16(TAG_OFFSET);
  const member = members[tag];
  if (member === undefined) throw new StoreError('MALFORMED', `${what} of the unknown kind ${tag}`);
  return member;
}

/** An empty path is a null pointer, as that of a message in which none was set. */
const pathPointer = (path: readonly string[]) => (path.length === 0 ? null : path);

/**
 * @returns the message; its path has at most 16 components of at most 64 bytes of ASCII, and its value is a view
 * @throws StoreError MALFORMED
 */
export function decodeRequest(message: Uint8Array): Request {
  const root = openMessage(message);
  const common = { id: root.int32(NUMBER_OFFSET), path: root.texts(0) };
  const op = memberOf(OPERATIONS, root, 'a request');
  return op === 'write' ? { ...common, op, value: root.data(1) } : { ...common, op };
}

/** @throws StoreError TOO_LARGE for a message of more than 64 KiB */
export function encodeRequest(request: Request): Uint8Array {
  return encodeMessage({
    low: request.id >>> 0,
    high: OPERATIONS.indexOf(request.op),
    pointers: [pathPointer(request.path), request.op === 'write' ? request.value : null],
  });
}

function decodeEvent(struct: StructReader): WatchEvent {
  const common = { seq: struct.uint32(NUMBER_OFFSET), path: struct.texts(0) };
  const kind = memberOf(EVENT_KINDS, struct, 'an event');
  return kind === 'deleted' ? { ...common, kind } : { ...common, kind, value: struct.data(1) };
}

const eventStruct = (event: WatchEvent): StructValue => ({
  low: event.seq >>> 0,
  high: EVENT_KINDS.indexOf(event.kind),
  pointers: [pathPointer(event.path), event.kind === 'deleted' ? null : event.value],
});

/**
 * @returns the message; its values are views
 * @throws StoreError MALFORMED
 */
export function decodeResponse(message: Uint8Array): Response {
  const root = openMessage(message);
  const id = root.int32(NUMBER_OFFSET);
  const kind = memberOf(RESPONSE_KINDS, root, 'a response');
  return kind === 'event'
    ? { id, kind, event: decodeEvent(root.struct(0)) }
    : { id, kind, value: root.data(0) };
}

/** @throws StoreError TOO_LARGE for a message of more than 64 KiB */
export function encodeResponse(response: Response): Uint8Array {
  return encodeMessage({
    low: response.id >>> 0,
    high: RESPONSE_KINDS.indexOf(response.kind),
    pointers: [response.kind === 'event' ? eventStruct(response.event) : response.value],
  });
}
