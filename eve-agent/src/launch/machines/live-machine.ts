// SPDX-License-Identifier: Apache-2.0
import { constants } from 'node:fs';
import { lstat, open } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { type Clock, waitUnlessAborted } from '@local-datastore/shared/clock';
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import * as z from 'zod';
import { judgeEnd } from './machine-end.ts';
import type { ProcessIdentity, ProcessTable } from './process-table.ts';
import { diskNode, SOCKETS } from './qemu-arguments.ts';
import { connectTo, type QmpClient, type QmpEvent, speakQmp } from './qmp-client.ts';
import type { MachineEnd } from './restart-plan.ts';
import type { SerialConsole } from './serial-console.ts';
import type { StartedProcess } from './start-process.ts';

/** A machine whose process is there. */
export interface LiveMachine {
  readonly identity: ProcessIdentity;
  /** Why it stands still though its process is there; '': it does not. */
  standstill(): string;
  /** It stands still since its disk could not be written. */
  isOutOfRoom(): boolean;
  /** Resolves once with how it has ended. Never rejects. */
  readonly ended: Promise<MachineEnd>;
  /** Resolves when its monitor answers; rejects when it has ended before, or the signal is aborted. */
  ready(signal: AbortSignal): Promise<void>;
  /** Lets it run, from its start or after it stood still. @throws QmpError */
  resume(): Promise<void>;
  /** @throws QmpError */
  growDisk(index: number, bytes: number): Promise<void>;
  /** Presses its button (ACPI). @throws QmpError */
  powerDown(): Promise<void>;
  /** Ends its process: by its monitor, and where that does not answer by a signal. */
  force(why: string): Promise<void>;
  /** Leaves it alone: it goes on without this process. */
  detach(): void;
}

export interface LiveDeps {
  readonly table: ProcessTable;
  readonly clock: Clock;
  readonly log: Log;
}

export interface LiveOptions {
  readonly identity: ProcessIdentity;
  /** null: an earlier agent has started it. */
  readonly started: StartedProcess | null;
  readonly user: number;
  readonly socketsFolder: string;
  readonly console: SerialConsole;
}

/** Between tries to connect, which grow longer. */
const FIRST_PAUSE_MS = 50;
const MAX_PAUSE_MS = 3200;
/** Of one that is no child of this process; what closes a connection is looked at at once. */
const ALIVE_LOOK_MS = 2000;
const QUIT_LIMIT_MS = 5000;
const LAST_WORDS_MS = 2000;
const NO_ROOM = 'no room is left for what it writes to its disk: it goes on when there is';
const statusSchema = z.object({ status: z.string() });
const shutdownSchema = z.object({ reason: z.string().default('') });

/**
 * A socket in a folder that belongs to the machine's user: what stands there may be anything. By the number of the folder,
 * as the path of a socket may hold 107 bytes alone.
 */
async function connectIn(folder: string, name: string, user: number): Promise<Socket> {
  const found = await lstat(join(folder, name));
  if (!found.isSocket() || found.uid !== user) throw new Error(`${name} is no socket of the machine`);
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return await connectTo(`/proc/self/fd/${handle.fd}/${name}`);
  } finally {
    await handle.close();
  }
}

/** Watches over the process of a machine, speaks with its monitor, and reads its console. */
export function watchMachine(
  { table, clock, log }: LiveDeps,
  { identity, started, user, socketsFolder, console }: LiveOptions,
): LiveMachine {
  const over = new AbortController();
  let monitor: QmpClient | null = null;
  let reason: string | null = null;
  let ownReason: string | null = null;
  let standstill = '';
  let isDetached = false;
  let isConsoleRead = false;
  let lookNow = () => {};
  const waiting = new Set<() => void>();
  const tellWaiting = () => {
    for (const each of waiting) each();
  };

  async function lookAtStatus(client: QmpClient): Promise<void> {
    const { status } = statusSchema.parse(await client.execute('query-status'));
    if (status === 'io-error') standstill = NO_ROOM;
    else if (status === 'paused') standstill = 'somebody has paused it';
    else standstill = '';
    // An agent that was killed in the middle has not let it run.
    if (status === 'prelaunch' && started === null) await client.execute('cont');
    if (status === 'internal-error')
      void force('the processor cannot run it: qemu gave up with an internal error');
  }

  function onEvent(client: () => QmpClient | null, { name, data }: QmpEvent): void {
    if (name === 'SHUTDOWN') reason = shutdownSchema.safeParse(data).data?.reason ?? null;
    if (name === 'GUEST_PANICKED') reason = 'guest-panic';
    const speaker = client();
    if ((name === 'STOP' || name === 'RESUME') && speaker !== null) {
      lookAtStatus(speaker).catch((error: unknown) => {
        log.debug({ reason: errorMessage(error) }, 'the state of a machine was not told');
      });
    }
  }

  async function connectMonitor(): Promise<void> {
    const socket = await connectIn(socketsFolder, SOCKETS.monitor, user);
    let client: QmpClient | null = null;
    client = await speakQmp(socket, clock, (event) => onEvent(() => client, event));
    try {
      await lookAtStatus(client);
      monitor = client;
      tellWaiting();
      await client.closed;
    } finally {
      // There is one connection at a time: one that is kept open would keep out the next.
      monitor = null;
      client.close();
    }
  }

  async function connectConsole(): Promise<void> {
    const socket = await connectIn(socketsFolder, SOCKETS.console, user);
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    console.attach(socket);
    isConsoleRead = true;
    tellWaiting();
    await closed;
  }

  /** Connects again and again, for as long as the process is there. */
  async function keepConnected(what: string, connect: () => Promise<void>): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    while (!over.signal.aborted) {
      try {
        await connect();
        pauseMs = FIRST_PAUSE_MS;
      } catch (error) {
        log.debug({ what, reason: errorMessage(error) }, 'a machine cannot be spoken with');
        pauseMs = Math.min(MAX_PAUSE_MS, 2 * pauseMs);
      }
      lookNow();
      await waitUnlessAborted(clock, pauseMs, over.signal);
    }
  }

  async function untilGone(): Promise<void> {
    while (!isDetached && (await table.isAlive(identity))) {
      const look = new AbortController();
      lookNow = () => look.abort();
      await waitUnlessAborted(clock, ALIVE_LOOK_MS, AbortSignal.any([over.signal, look.signal]));
    }
  }

  /** Its last words may still be on their way when its process is gone. */
  async function untilHeard(): Promise<void> {
    const heard = new AbortController();
    void (monitor?.closed ?? Promise.resolve()).then(() => heard.abort());
    await waitUnlessAborted(clock, LAST_WORDS_MS, heard.signal);
  }

  async function watchEnd(): Promise<MachineEnd> {
    if (started === null) await untilGone();
    const { code, signal } = (await started?.ended) ?? { code: null, signal: null };
    await untilHeard();
    return judgeEnd({ reason, code, signal, complaint: started?.complaint() ?? '', ownReason });
  }
  const ended = watchEnd().finally(() => {
    over.abort(new Error('it has ended'));
    tellWaiting();
  });

  async function force(why: string): Promise<void> {
    ownReason ??= why;
    const late = new AbortController();
    const isGone = ended.then(() => late.abort());
    try {
      if (monitor !== null) {
        await monitor.execute('quit');
        await waitUnlessAborted(clock, QUIT_LIMIT_MS, late.signal);
      }
    } catch (error) {
      log.debug({ reason: errorMessage(error) }, 'a machine does not end when it is told to');
    }
    if (!late.signal.aborted) await table.kill(identity, 'SIGKILL');
    await isGone;
  }

  const speak = async (command: string, args?: Readonly<Record<string, unknown>>) => {
    if (monitor === null) throw new Error('the monitor of the machine does not answer');
    await monitor.execute(command, args);
  };

  void keepConnected('monitor', connectMonitor);
  void keepConnected('console', connectConsole);

  return {
    identity,
    ended,
    standstill: () => standstill,
    isOutOfRoom: () => standstill === NO_ROOM,
    async ready(signal) {
      // Not before its console is read: its first words tell most.
      while (monitor === null || !isConsoleRead) {
        signal.throwIfAborted();
        if (over.signal.aborted) throw new Error((await ended).why);
        await new Promise<void>((resolve) => {
          const go = () => {
            waiting.delete(go);
            signal.removeEventListener('abort', go);
            resolve();
          };
          waiting.add(go);
          signal.addEventListener('abort', go);
        });
      }
    },
    resume: () => speak('cont'),
    growDisk: (index, bytes) => speak('block_resize', { 'node-name': diskNode(index), size: bytes }),
    powerDown: () => speak('system_powerdown'),
    force,
    detach() {
      isDetached = true;
      over.abort(new Error('it is left alone'));
      monitor?.close();
      console.end();
    },
  };
}
