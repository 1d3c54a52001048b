// SPDX-License-Identifier: Apache-2.0
import { createHash, type Hash, randomBytes } from 'node:crypto';
import { constants, openSync } from 'node:fs';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest, DigestAlgorithm } from '@local-datastore/shared/digest/digest';
import { versionOf } from './file-version.ts';
import type { Hasher } from './hasher.ts';
import type { Space, SpaceClaim } from './space.ts';
import { hashFile, makeIncomingDirectory, readIncoming, removeFile } from './staging.ts';
import { asStoreError, inWordsOfTheStore, StoreError } from './store-error.ts';
import { requireDigest } from './verified-content.ts';
import { type PieceWriter, writePieces } from './write-pieces.ts';

/** Content that comes in piece by piece; neither its size nor its name need be known before its end. */
export interface Session<Facts> {
  /** 32 hexadecimal digits. */
  readonly id: string;
  readonly facts: Facts;
  readonly receivedBytes: number;
}

/** What became of pieces. */
export type AppendOutcome =
  | { readonly kind: 'appended' | 'misplaced'; readonly receivedBytes: number }
  | { readonly kind: 'unknown' };

/** Content that is complete, checked and on the disk. */
export interface FinishedContent {
  readonly file: string;
  readonly sizeBytes: number;
}

export interface Sessions<Facts> {
  /** Takes up what an earlier run left. */
  start(): Promise<void>;
  /** @param algorithm by which it is hashed while it comes @returns undefined: too many are under way */
  create(facts: Facts, algorithm: DigestAlgorithm): Promise<Session<Facts> | undefined>;
  /** undefined: there is no such session. */
  factsOf(id: string): Facts | undefined;
  /** Ends a writing that goes on: who asks has lost its connection. */
  find(id: string): Promise<Session<Facts> | undefined>;
  /**
   * Writes what comes next. What came before an error is kept. Of two at once the later goes on, from what is
   * there; the earlier is misplaced.
   *
   * @param position where it is to begin; undefined: at the end
   * @param onWritten hears how many bytes there are, whenever there are more
   * @returns misplaced: it does not begin at the end; nothing of it was written
   * @throws StoreError; whatever `content` throws
   */
  append(
    id: string,
    position: number | undefined,
    content: AsyncIterable<Uint8Array>,
    onWritten?: (receivedBytes: number) => void,
  ): Promise<AppendOutcome>;
  /** What has come so far, opened for reading. Whoever has it closes it. @throws system errors */
  openContent(id: string): number | undefined;
  /** The first whose facts are such. */
  findBy(isWanted: (facts: Facts) => boolean): Session<Facts> | undefined;
  /**
   * Checks what has come, makes it survive a power cut, and ends the session.
   *
   * @param take moves the file to where it belongs, or leaves it to be removed; when it fails, the session goes on
   * @returns what `take` does; undefined where there is no session
   * @throws StoreError DIGEST_MISMATCH; then the session is removed; whatever `take` throws
   */
  finish<T>(
    id: string,
    digest: Digest,
    take: (content: FinishedContent) => Promise<T>,
  ): Promise<T | undefined>;
  /** @returns false where there is none */
  remove(id: string): Promise<boolean>;
  /** Removes those of which nothing came for so long. @returns how many */
  collectExpired(): Promise<number>;
  count(): number;
}

export interface SessionsDeps {
  readonly space: Space;
  readonly hash: Hasher['hash'];
  readonly now: () => number;
}

export interface SessionsOptions<Facts> {
  /** The incoming directory of the root. */
  readonly incoming: string;
  /** Tells these sessions from others: `oci` for files `<id>.oci`. */
  readonly kind: string;
  /** @returns undefined for what are no facts */
  parseFacts(facts: unknown): Facts | undefined;
  /** How large content will be, where that is known: its room is claimed at once, and kept to its end. */
  readonly sizeOf?: (facts: Facts) => number;
  readonly expiryMs: number;
  /** How many may be under way: there is memory and patience for so many. */
  readonly maxSessions: number;
}

interface Running<Facts> {
  readonly id: string;
  readonly facts: Facts;
  receivedBytes: number;
  changedMs: number;
  claim: SpaceClaim;
  /** Undefined: what is there has to be read again. */
  hash: { readonly algorithm: DigestAlgorithm; readonly state: Hash; bytes: number } | undefined;
  /** Another number whenever somebody else goes on with it. */
  turn: number;
  /** The last write that was begun. */
  writing: Promise<unknown>;
  isFinishing: boolean;
}

class TakenOverError extends Error {}

const CREATE_FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const WRITE_FLAGS = constants.O_WRONLY | constants.O_NOFOLLOW;
const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW;

/**
 * The files of a session stand in the incoming directory: its content, and a record of its facts. Neither is made to
 * survive a power cut before the end: the client begins again, or goes on from what is there.
 */
export function createSessions<Facts>(
  { space, hash: hashInThread, now }: SessionsDeps,
  { incoming, kind, parseFacts, sizeOf, expiryMs, maxSessions }: SessionsOptions<Facts>,
): Sessions<Facts> {
  const sessions = new Map<string, Running<Facts>>();
  const fileName = new RegExp(`^([0-9a-f]{32})\\.${kind}(?:\\.json)?$`);
  const contentOf = (id: string) => join(incoming, `${id}.${kind}`);
  const recordOf = (id: string) => join(incoming, `${id}.${kind}.json`);

  async function removeFiles(id: string): Promise<void> {
    await removeFile(contentOf(id));
    await removeFile(recordOf(id));
  }

  async function forget(session: Running<Facts>): Promise<void> {
    sessions.delete(session.id);
    session.claim.release();
    await removeFiles(session.id);
  }

  /** Whoever has a turn waits until nothing of an earlier one can still be written. */
  async function takeTurn(session: Running<Facts>): Promise<number> {
    session.turn += 1;
    const { turn } = session;
    await session.writing;
    // What was hashed beyond what is there cannot be taken back.
    if (session.hash?.bytes !== session.receivedBytes) session.hash = undefined;
    if (sizeOf === undefined) session.claim.settle();
    return turn;
  }

  async function readFacts(id: string): Promise<Facts | undefined> {
    try {
      return parseFacts(JSON.parse(await readFile(recordOf(id), 'utf8')));
    } catch {
      // Half of it, or none: nobody was told of it, or the power went away.
      return undefined;
    }
  }

  async function takeUp(id: string): Promise<void> {
    const facts = await readFacts(id);
    const stat = await open(contentOf(id), READ_FLAGS)
      .then(async (handle) => {
        const found = await handle.stat();
        await handle.close();
        return found.isFile() ? found : undefined;
      })
      .catch(() => undefined);
    if (facts === undefined || stat === undefined) {
      // What cannot be removed, as on a volume that can only be read, stops no other.
      await removeFiles(id).catch(() => {});
      return;
    }
    sessions.set(id, {
      ...{ id, facts, receivedBytes: stat.size, changedMs: stat.mtimeMs, hash: undefined },
      claim: space.resume(Math.max(stat.size, sizeOf?.(facts) ?? 0), stat.size),
      ...{ turn: 0, writing: Promise.resolve() },
      isFinishing: false,
    });
  }

  async function write(
    session: Running<Facts>,
    turn: number,
    content: AsyncIterable<Uint8Array>,
    onWritten: ((receivedBytes: number) => void) | undefined,
  ): Promise<void> {
    const requireTurn = () => {
      if (session.turn !== turn || !sessions.has(session.id)) throw new TakenOverError();
    };
    const { hash } = session;
    async function* hashed() {
      for await (const piece of content) {
        requireTurn();
        hash?.state.update(piece);
        if (hash !== undefined) hash.bytes += piece.length;
        yield piece;
      }
    }
    const handle = await open(contentOf(session.id), WRITE_FLAGS);
    const writer: PieceWriter = {
      write(buffer, offset, length, position) {
        requireTurn();
        const writing = handle.write(buffer, offset, length, position);
        session.writing = writing.then(
          ({ bytesWritten }) => {
            session.receivedBytes = position + bytesWritten;
            session.changedMs = now();
            onWritten?.(session.receivedBytes);
          },
          () => {},
        );
        return writing;
      },
    };
    try {
      await writePieces(writer, session.receivedBytes, hashed(), async (bytes) => {
        requireTurn();
        await session.claim.spend(bytes);
      });
    } finally {
      await handle.close();
      if (session.turn === turn) await takeTurn(session);
    }
  }

  async function check(session: Running<Facts>, digest: Digest): Promise<number> {
    const file = contentOf(session.id);
    const handle = await open(file, READ_FLAGS);
    try {
      await handle.sync();
      const version = versionOf(await handle.stat({ bigint: true }));
      const { hash } = session;
      const isKnown = hash?.algorithm === digest.algorithm && version.sizeBytes === session.receivedBytes;
      const found = isKnown
        ? hash.state.copy().digest('hex')
        : await hashFile(hashInThread, file, version, digest.algorithm);
      requireDigest(digest, found);
      return version.sizeBytes;
    } finally {
      await handle.close();
    }
  }

  const statusOf = ({ id, facts, receivedBytes }: Running<Facts>): Session<Facts> => ({
    ...{ id, facts, receivedBytes },
  });

  return {
    count: () => sessions.size,
    factsOf: (id) => sessions.get(id)?.facts,
    openContent: (id) => (sessions.has(id) ? openSync(contentOf(id), READ_FLAGS) : undefined),

    findBy(isWanted) {
      for (const session of sessions.values()) {
        if (!session.isFinishing && isWanted(session.facts)) return statusOf(session);
      }
      return undefined;
    },

    async start() {
      const ids = new Set((await readIncoming(incoming)).flatMap((name) => fileName.exec(name)?.[1] ?? []));
      for (const id of ids) await takeUp(id);
    },

    async create(facts, algorithm) {
      if (sessions.size >= maxSessions) return undefined;
      const claim = await space.claim(sizeOf?.(facts) ?? 0);
      const id = randomBytes(16).toString('hex');
      const hash = { algorithm, state: createHash(algorithm), bytes: 0 };
      const session: Running<Facts> = {
        ...{ id, facts, claim, hash, receivedBytes: 0, changedMs: now(), turn: 0 },
        ...{ writing: Promise.resolve(), isFinishing: false },
      };
      // Before the files are there: nobody else is to take them for abandoned.
      sessions.set(id, session);
      try {
        await makeIncomingDirectory(incoming);
        await (await open(contentOf(id), CREATE_FLAGS, 0o644)).close();
        await writeFile(recordOf(id), JSON.stringify(facts), { flag: 'wx' });
        return statusOf(session);
      } catch (error) {
        await forget(session).catch(() => {});
        throw asStoreError(error);
      }
    },

    async find(id) {
      const session = sessions.get(id);
      if (session === undefined || session.isFinishing) return undefined;
      await takeTurn(session);
      return statusOf(session);
    },

    async append(id, position, content, onWritten) {
      const session = sessions.get(id);
      if (session === undefined || session.isFinishing) return { kind: 'unknown' };
      const turn = await takeTurn(session);
      const { receivedBytes } = session;
      if (session.turn !== turn || (position ?? receivedBytes) !== receivedBytes) {
        return { kind: 'misplaced', receivedBytes };
      }
      try {
        await write(session, turn, content, onWritten);
        return { kind: 'appended', receivedBytes: session.receivedBytes };
      } catch (error) {
        if (error instanceof TakenOverError) {
          return sessions.has(id)
            ? { kind: 'misplaced', receivedBytes: session.receivedBytes }
            : { kind: 'unknown' };
        }
        throw asStoreError(error);
      }
    },

    async finish(id, digest, take) {
      const session = sessions.get(id);
      if (session === undefined || session.isFinishing) return undefined;
      session.isFinishing = true;
      try {
        await takeTurn(session);
        const sizeBytes = await check(session, digest);
        const taken = await take({ file: contentOf(id), sizeBytes });
        await forget(session);
        return taken;
      } catch (error) {
        session.isFinishing = false;
        if (error instanceof StoreError && error.code === 'DIGEST_MISMATCH') await forget(session);
        throw asStoreError(error);
      }
    },

    async remove(id) {
      const session = sessions.get(id);
      if (session === undefined || session.isFinishing) return false;
      session.isFinishing = true;
      await takeTurn(session);
      await inWordsOfTheStore(forget(session));
      return true;
    },

    async collectExpired() {
      const expired = [...sessions.values()].filter(
        ({ isFinishing, changedMs }) => !isFinishing && now() - changedMs >= expiryMs,
      );
      // One that cannot be removed keeps none of the others.
      const outcomes = await Promise.allSettled(expired.map(forget));
      const failed = outcomes.find((outcome) => outcome.status === 'rejected');
      if (failed !== undefined) throw asStoreError(failed.reason);
      return expired.length;
    },
  };
}
