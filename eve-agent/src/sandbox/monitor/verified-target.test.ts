// SPDX-License-Identifier: Apache-2.0
/** What a verifier that was taken over can do: it pronounces, and priv believes no more than that. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPipe } from '@local-datastore/shared/confinement/system/pipe';
import { silentLog } from '@local-datastore/shared/log';
import { contentDigest } from '@local-datastore/shared/oci/content-digest';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { partialPaths } from '../../content/partial-file.ts';
import { lockTarget } from '../../content/target-lock.ts';
import type { AuditEntry } from '../audit/audit-entry.ts';
import {
  VERIFIER,
  type VerifierAnswer,
  type VerifierCommand,
  type VerifierEvent,
} from '../calves/verifier/verifier-messages.ts';
import { toJson } from '../exchange/ask-messages.ts';
import { createKeyStore } from '../store/key-store.ts';
import { type FileLending, openVerifiedTarget, type VerifiedTarget } from './verified-target.ts';
import { createVerifierLink } from './verifier-link.ts';

const CONTENT = Buffer.from('what is wanted');
const OTHER = Buffer.from('what is another');
const PUBLISH = 'publish';
type Numbered = Extract<VerifierCommand, { readonly number: number }>;
type Said = VerifierAnswer['outcome'] | Record<string, unknown>;
const accepted = (content: Buffer): Said => ({
  done: { kind: 'accepted', digest: contentDigest(content) },
});
const wireError = (code: string) => ({
  ...{ kind: 'coded' as const, code, message: code, retryable: true, details: {} },
});

let folder: string;
let path: string;
let audited: AuditEntry[];
let positions: number[];
let target: VerifiedTarget;
/** What the verifier answers to an operation, or leaves unanswered. */
let answerTo: (operation: string) => Said | undefined;
let commands: VerifierCommand[];
let endVerifier: () => Promise<void>;
let say: (key: 'answer' | 'event', value: unknown) => void;
let link: ReturnType<typeof createVerifierLink>;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'verified-target-'));
  path = join(folder, 'image.img');
  audited = [];
  positions = [];
  commands = [];
  answerTo = () => ({ done: {} });
  const audit = { append: (entry: AuditEntry) => void audited.push(entry) };
  const store = createKeyStore({ log: silentLog, audit: { append() {} } });
  let id = '';
  say = (key, value) => store.write(VERIFIER, [VERIFIER, id, key], toJson(value));
  link = createVerifierLink({ store, audit, onReady() {} });
  endVerifier = link.begin({
    send(message) {
      const command = message as VerifierCommand;
      commands.push(command);
      if (command.do === 'open') ({ id } = command);
      if (!('number' in command) || command.do === 'stop') return;
      const { number } = command as Numbered;
      const outcome = answerTo(command.do === 'operate' ? command.operation.do : command.do);
      if (outcome !== undefined) queueMicrotask(() => say('answer', { number, receivedBytes: 0, outcome }));
    },
  });
  link.admit();
});
afterEach(async () => {
  await endVerifier();
  await target.close();
  await rm(folder, { recursive: true });
});

const trusting: FileLending = { lend: async () => {}, takeBack: async () => {} };

async function open(
  sizeBytes: number | null = CONTENT.length,
  lending: FileLending = trusting,
): Promise<void> {
  const [read] = openPipe();
  target = await openVerifiedTarget(
    { link, lending },
    {
      ...{ url: 'http://ds.local/a.img', path, expected: { sizeBytes, digest: contentDigest(CONTENT) } },
      observer: { onEvent() {}, onProgress: (bytes) => void positions.push(bytes) },
      onLost() {},
    },
    read,
  );
}
/** As the verifier writes it. */
async function fill(content: Buffer): Promise<void> {
  await target.operate({ do: 'restart' }, 0);
  await writeFile(partialPaths(path).file, content, { flag: 'r+' });
}
const published = () => readFile(path).catch(() => null);

describe('what the verifier says of a file', () => {
  it.each<[string, Buffer, Said, unknown]>([
    ['that it is right, and it is', CONTENT, accepted(CONTENT), { kind: 'accepted' }],
    ['that it is right, by the digest of another', CONTENT, accepted(OTHER), { kind: 'wrong-digest' }],
    ['that it is right, and it is of another size', OTHER, accepted(CONTENT), { kind: 'wrong-size' }],
    ['that it is of another size', CONTENT, { done: { kind: 'wrong-size' } }, { kind: 'wrong-size' }],
  ])('%s', async (_, content, said, verdict) => {
    await open();
    answerTo = (operation) => (operation === PUBLISH ? said : { done: {} });
    await fill(content);
    expect(await target.operate({ do: 'publish' }, content.length)).toMatchObject(verdict as object);
    const isRight = (verdict as { kind: string }).kind === 'accepted';
    expect(await published()).toEqual(isRight ? CONTENT : null);
    expect(target.verdict?.kind === 'accepted').toBe(isRight);
  });

  it.each<[string, Said]>([
    ['nothing that is a verdict', { done: {} }],
    ['what it was not asked', { done: { receivedBytes: 1, end: { kind: 'whole' } } }],
  ])('%s, publishes nothing', async (_, said) => {
    await open();
    answerTo = (operation) => (operation === PUBLISH ? said : { done: {} });
    await fill(CONTENT);
    await expect(target.operate({ do: 'publish' }, CONTENT.length)).rejects.toThrow();
    expect(await published()).toBeNull();
  });

  it.each<[string, Said]>([
    ['another form', { done: 'yes' }],
    ['a verdict with more in it', { done: { kind: 'accepted', digest: contentDigest(CONTENT), and: 1 } }],
    ['no JSON of ours', { nothing: true }],
  ])('in %s, stands in the audit log, and counts for nothing', async (_, said) => {
    await open();
    answerTo = (operation) => (operation === PUBLISH ? said : { done: {} });
    await fill(CONTENT);
    const asked = target.operate({ do: 'publish' }, CONTENT.length);
    asked.catch(() => {});
    await expect.poll(() => audited).toMatchObject([{ actor: VERIFIER, verdict: 'MALFORMED' }]);
    await endVerifier();
    await expect(asked).rejects.toMatchObject({ code: 'TARGET_BUSY' });
    expect(await published()).toBeNull();
  });

  it('that it is right, lets the file go without being asked for it', async () => {
    await open();
    answerTo = (operation) => (operation === PUBLISH ? accepted(CONTENT) : { done: {} });
    await fill(CONTENT);
    await target.operate({ do: 'publish' }, CONTENT.length);
    await target.closed;
    // The verifier has let it go with its word.
    expect(commands.map((command) => command.do)).toEqual(['open', 'operate', 'operate']);
    (await lockTarget(path))();
    for (const operation of [{ do: 'close' }, { do: 'restart' }, { do: 'publish' }] as const) {
      await expect(target.operate(operation, CONTENT.length)).rejects.toMatchObject({ verdict: 'DENIED' });
    }
    const body = target.receive(new Socket(), 1, CONTENT.length, new AbortController().signal);
    await expect(body).rejects.toMatchObject({ verdict: 'DENIED' });
    expect(await published()).toEqual(CONTENT);
  });

  it('that it is wrong, by the very digest that is wanted, has it let go all the same', async () => {
    await open();
    const said = { done: { kind: 'wrong-digest', digest: contentDigest(CONTENT) } };
    answerTo = (operation) => (operation === PUBLISH ? said : { done: {} });
    await fill(CONTENT);
    await target.operate({ do: 'publish' }, CONTENT.length);
    await target.closed;
    expect(commands.at(-1)?.do).toBe('close');
    expect(await published()).toEqual(CONTENT);
  });

  it('that it is right, lets the file go once, though nobody wants it any more meanwhile', async () => {
    let closed: Promise<void> | undefined;
    let returns = 0;
    await open(CONTENT.length, {
      lend: async () => {},
      async takeBack() {
        returns += 1;
        // The first is at the opening, the second before it has its name.
        if (returns === 2) closed = target.close();
      },
    });
    answerTo = (operation) => (operation === PUBLISH ? accepted(CONTENT) : { done: {} });
    await fill(CONTENT);
    await target.operate({ do: 'publish' }, CONTENT.length);
    await closed;
    expect(returns).toBe(3);
    expect(await published()).toEqual(CONTENT);
  });

  it('that it is wrong, keeps it for what is asked next', async () => {
    await open();
    answerTo = (operation) => (operation === PUBLISH ? accepted(OTHER) : { done: {} });
    await fill(CONTENT);
    await target.operate({ do: 'publish' }, CONTENT.length);
    await expect(lockTarget(path)).rejects.toMatchObject({ code: 'TARGET_BUSY' });
    await target.operate({ do: 'restart' }, CONTENT.length);
    await target.operate({ do: 'close' }, CONTENT.length);
    (await lockTarget(path))();
  });

  it('to a number that was not asked, or twice, is not heard', async () => {
    await open();
    answerTo = () => undefined;
    const asked = target.operate({ do: 'restart' }, 0);
    await expect.poll(() => commands.map((command) => command.do)).toEqual(['open', 'operate']);
    const { number } = commands.at(-1) as Numbered;
    say('answer', { number: number + 1, receivedBytes: 0, outcome: { done: {} } });
    say('answer', { number, receivedBytes: 0, outcome: { error: wireError('NO_SPACE'), isRefusal: false } });
    say('answer', { number, receivedBytes: 0, outcome: { done: {} } });
    await expect(asked).rejects.toMatchObject({ code: 'NO_SPACE' });
    answerTo = () => ({ done: {} });
  });
});

describe('what it tells meanwhile', () => {
  it('moves the progress no farther than the content is long, and not once it is judged', async () => {
    await open();
    answerTo = (operation) => (operation === PUBLISH ? accepted(CONTENT) : { done: {} });
    await fill(CONTENT);
    const [first] = commands as Extract<VerifierCommand, { do: 'open' }>[];
    link.tellProgress(first?.id ?? '', Number.MAX_SAFE_INTEGER);
    link.tellProgress('another', 5);
    await target.operate({ do: 'publish' }, CONTENT.length);
    link.tellProgress(first?.id ?? '', 1);
    expect(positions).toEqual([CONTENT.length, CONTENT.length]);
  });

  it.each<[string, VerifierEvent, string]>([
    ['a full disk', { kind: 'failed', error: wireError('NO_SPACE') }, 'NO_SPACE'],
    [
      'a file that it cannot write',
      { kind: 'failed', error: wireError('TARGET_UNWRITABLE') },
      'TARGET_UNWRITABLE',
    ],
  ])('%s is why the download ends', async (_, event, code) => {
    await open();
    say('event', event);
    expect(target.failure).toMatchObject({ code });
  });

  it('is answered whether there is the room that it asks for', async () => {
    await open(null);
    say('event', { kind: 'room', neededBytes: 2 ** 52 } satisfies VerifierEvent);
    say('event', { kind: 'room', neededBytes: 1 } satisfies VerifierEvent);
    const answers = () =>
      commands.flatMap((command) => (command.do === 'room' ? [command.error?.code ?? null] : [])).sort();
    await expect.poll(answers).toEqual(['NO_SPACE', null]);
  });
});

describe('when it ends', () => {
  it('what is under way fails for now, and what has come stays', async () => {
    await open();
    await target.operate(
      {
        ...{ do: 'begin', neededBytes: CONTENT.length, totalBytes: CONTENT.length },
        validators: { etag: '"one"', lastModified: null },
      },
      0,
    );
    await fill(CONTENT);
    answerTo = () => undefined;
    const asked = target.operate({ do: 'publish' }, CONTENT.length);
    asked.catch(() => {});
    await endVerifier();
    await expect(asked).rejects.toMatchObject({ code: 'TARGET_BUSY' });
    expect(target.failure).toMatchObject({ code: 'TARGET_BUSY' });
    await target.close();
    expect((await readdir(folder)).sort()).toEqual(['.image.img.partial', '.image.img.partial.json']);
    expect(await readFile(partialPaths(path).file)).toEqual(CONTENT);
  });

  it('the next file waits for its successor', async () => {
    await endVerifier();
    let isOpen = false;
    const opening = open().then(() => {
      isOpen = true;
    });
    await new Promise(setImmediate);
    expect([isOpen, await readdir(folder)]).toEqual([false, []]);
    endVerifier = link.begin({ send() {} });
    link.admit();
    await opening;
    expect(isOpen).toBe(true);
  });
});
