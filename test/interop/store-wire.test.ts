// SPDX-License-Identifier: Apache-2.0
/** Messages of the agent's store, beside what Cap'n Proto's own compiler makes and reads by the schema in the repository. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  type Request,
  type Response,
} from '../../eve-agent/src/sandbox/store/wire.ts';
import { randomOfThisRun } from '../random.ts';
import { describeWith } from '../requirements.ts';
import { someRequest, someResponse } from '../store-messages.ts';

const SCHEMA = fileURLToPath(new URL('../../eve-agent/src/sandbox/store/roadmap.capnp', import.meta.url));
/** The schema as the roadmap has it. */
const ROADMAP = `@0x9e83562906de8259;
struct Request { id @0 :Int32; path @1 :List(Text); union { write @2 :Data; read @3 :Void; delete @4 :Void; } }
struct Response { id @0 :Int32; union { ok @1 :Data; error @2 :Data; } }`;

const RANDOM_MESSAGES = 400;
const TABLE_BYTES = 8;

let folder: string;
let original: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'store-wire-'));
  original = join(folder, 'original.capnp');
  await writeFile(original, ROADMAP);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function capnp(args: readonly string[], input: string | Uint8Array): Buffer {
  const { status, stdout, stderr } = spawnSync('capnp', args, { input, maxBuffer: 2 ** 28 });
  if (status !== 0) throw new Error(`capnp ${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** Messages that stand one after another, told apart by their tables. */
function split(stream: Buffer): Buffer[] {
  const messages: Buffer[] = [];
  for (let start = 0; start < stream.length; ) {
    const end = start + TABLE_BYTES + stream.readUInt32LE(start + 4) * 8;
    messages.push(stream.subarray(start, end));
    start = end;
  }
  return messages;
}

/** Documents that stand one after another, of one line or of several, each but the first indented. */
const documentsOf = (stdout: Buffer): unknown[] =>
  stdout
    .toString()
    .trim()
    .split(/\n(?=\{)/)
    .map((text) => JSON.parse(text));

/** As Cap'n Proto's JSON has it: Data as numbers, a Void as null. */
const dataOf = (bytes: Uint8Array) => Array.from(bytes);
/** An empty path is a null pointer, which has no place in JSON. */
const pathJson = (path: readonly string[]) => (path.length === 0 ? {} : { path });
const requestJson = (request: Request) => ({
  ...{ id: request.id, ...pathJson(request.path) },
  [request.op]: request.op === 'write' ? dataOf(request.value) : null,
});
function responseJson(response: Response) {
  const { id, kind } = response;
  if (kind !== 'event') return { id, [kind]: dataOf(response.value) };
  const { event } = response;
  const content = event.kind === 'deleted' ? null : dataOf(event.value);
  return { id, event: { seq: event.seq, ...pathJson(event.path), [event.kind]: content } };
}

/** By its numbers: capnp 0.9.2 counts brackets also within quotes when it looks for the end of a message. */
const quoted = (text: string) =>
  `"${text.replace(/\W/g, (each) => `\\x${each.charCodeAt(0).toString(16)}`)}"`;

/** The same as Cap'n Proto's text. */
function textOf(value: unknown): string {
  if (value === null) return 'void';
  if (typeof value === 'string') return quoted(value);
  if (typeof value !== 'object') return String(value);
  if (!Array.isArray(value)) {
    const fields = Object.entries(value).map(([name, each]) => `${name} = ${textOf(each)}`);
    return `(${fields.join(', ')})`;
  }
  if (value.length === 0) return '""';
  return typeof value[0] === 'number'
    ? `0x"${Buffer.from(value).toString('hex')}"`
    : `[${value.map(textOf).join(', ')}]`;
}

const LONGEST_PATH = Array.from({ length: 16 }, (_, i) => String.fromCharCode(0x61 + i).repeat(64));
const bytes = (text: string) => Buffer.from(text);
const REQUESTS: readonly Request[] = [
  { id: 1, path: ['ip'], op: 'read' },
  { id: 0, path: ['ip'], op: 'write', value: bytes('') },
  { id: -1, path: ['resolved', 'ds.local', 'ip'], op: 'write', value: bytes('10.1.0.5') },
  { id: 2 ** 31 - 1, path: LONGEST_PATH, op: 'write', value: Buffer.alloc(4096, 0xfe) },
  { id: -(2 ** 31), path: LONGEST_PATH, op: 'delete' },
  { id: 0, path: ['a'], op: 'write', value: bytes('\0') },
  { id: 5, path: ['bridges', '*'], op: 'watch' },
  { id: 5, path: [], op: 'unwatch' },
];
const RESPONSES: readonly Response[] = [
  { id: 0, kind: 'ok', value: bytes('') },
  { id: 1, kind: 'ok', value: Buffer.alloc(4096, 1) },
  { id: -7, kind: 'error', value: bytes('DENIED') },
  {
    id: 5,
    kind: 'event',
    event: { seq: 1, path: ['bridges', 'bn1'], kind: 'value', value: bytes('10.1.0.1/24') },
  },
  { id: 5, kind: 'event', event: { seq: 2 ** 32 - 1, path: ['bridges', 'bn1'], kind: 'deleted' } },
  { id: 5, kind: 'event', event: { seq: 3, path: [], kind: 'lost', value: bytes('BUSY') } },
];

/** One message of each kind, by the members that it has in JSON. */
interface Oracle<Message> {
  readonly struct: 'Request' | 'Response';
  readonly table: readonly Message[];
  readonly some: (random: ReturnType<typeof randomOfThisRun>) => Message;
  readonly encode: (message: Message) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => Message;
  readonly json: (message: Message) => Record<string, unknown>;
}

function describeOracle<Message>({ struct, table, some, encode, decode, json }: Oracle<Message>): void {
  const random = randomOfThisRun(`store wire, ${struct}`);
  describe.each([
    ['of the table', table],
    ['at random', Array.from({ length: RANDOM_MESSAGES }, () => some(random))],
  ])(`${struct}s %s`, (_, messages) => {
    it('that we write are read by capnp as what they are', () => {
      const stdout = capnp(['convert', 'binary:json', SCHEMA, struct], Buffer.concat(messages.map(encode)));
      expect(documentsOf(stdout)).toEqual(messages.map((message) => json(message)));
    });

    it('that we write are canonical: capnp finds nothing to make shorter', () => {
      const written = messages.map(encode);
      const canonical = capnp(['convert', 'binary:canonical', SCHEMA, struct], Buffer.concat(written));
      const segments = Buffer.concat(written.map((message) => message.subarray(TABLE_BYTES)));
      expect(canonical.equals(segments)).toBe(true);
    });

    it('that capnp writes are read by us as what they are', () => {
      const input = messages.map((message) => textOf(json(message))).join(' ');
      const written = split(capnp(['encode', SCHEMA, struct], input));
      expect(written.map((message) => json(decode(message)))).toEqual(messages.map(json));
    });

    it('that capnp writes in several segments are refused by name', () => {
      const input = textOf(json(messages[0] as Message));
      const written = capnp(['encode', '--segment-size=1', SCHEMA, struct], input);
      expect(written.readUInt32LE(0)).toBeGreaterThan(0);
      expect(() => decode(written)).toThrow(/^\d+ segments in the place of one$/);
    });
  });
}

describeWith(['capnp'], 'Cap’n Proto', () => {
  describeOracle<Request>({
    ...{ struct: 'Request', table: REQUESTS, some: someRequest },
    ...{ encode: encodeRequest, decode: decodeRequest, json: requestJson },
  });
  describeOracle<Response>({
    ...{ struct: 'Response', table: RESPONSES, some: someResponse },
    ...{ encode: encodeResponse, decode: decodeResponse, json: responseJson },
  });

  it('of the roadmap writes its messages as ours does, and reads ours', () => {
    const text =
      '(id = 3, path = ["a", "b"], write = "v") (id = 4, path = ["a"], read = void) (path = ["c"], delete = void)';
    const written = capnp(['encode', original, 'Request'], text);
    expect(written.equals(capnp(['encode', SCHEMA, 'Request'], text))).toBe(true);
    expect(split(written).map((message) => requestJson(decodeRequest(message)))).toEqual([
      { id: 3, path: ['a', 'b'], write: [0x76] },
      { id: 4, path: ['a'], read: null },
      { id: 0, path: ['c'], delete: null },
    ]);
    const answers = RESPONSES.filter(({ kind }) => kind !== 'event');
    const stream = Buffer.concat(answers.map(encodeResponse));
    const read = capnp(['convert', 'binary:json', original, 'Response'], stream);
    expect(documentsOf(read)).toEqual(answers.map(responseJson));
  });

  it('packed is refused, by what it seems to be', () => {
    const packed = capnp(
      ['encode', '--packed', SCHEMA, 'Request'],
      '(id = 3, path = ["a", "b"], write = "12345678")',
    );
    expect(() => decodeRequest(packed)).toThrow(expect.objectContaining({ code: 'MALFORMED' }));
  });
});
