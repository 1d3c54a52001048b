// SPDX-License-Identifier: Apache-2.0
import type { Duplex } from 'node:stream';
import { waitUnlessAborted } from '@local-datastore/shared/clock';
import { errorMessage } from '@local-datastore/shared/errors';
import { createTurns } from '@local-datastore/shared/turns';
import type { ContainerState, ContainerView, LogLine, LogsWanted } from '../engine/container-engine.ts';
import type { MachinePort, RestartPolicy } from '../engine/container-spec.ts';
import { openConsoleLog } from './console-log.ts';
import { hasRoom } from './disks.ts';
import { type LaunchDeps, launchMachine, removeTaps } from './launch-machine.ts';
import { type LiveMachine, watchMachine } from './live-machine.ts';
import { GIVEN_UP } from './machine-engine-contract.ts';
import { type Places, removeMachineFolder, writeRecord } from './machine-folder.ts';
import { type MachineRecord, readMachineFacts } from './machine-record.ts';
import type { PublishedPorts } from './published-ports.ts';
import { readConsoleLines } from './read-console-lines.ts';
import { refused } from './refused.ts';
import { countedEnds, type MachineEnd, planRestart } from './restart-plan.ts';
import { createSerialConsole } from './serial-console.ts';
import { viewNetworks } from './view-networks.ts';

export interface MachineDeps extends LaunchDeps {
  wallMs(): number;
  /** Of this boot of the host. */
  readonly bootId: string;
  readonly ports: Pick<PublishedPorts, 'take' | 'lead' | 'inForce' | 'release'>;
  /** null: nobody is there to start it again. */
  supervisor(): AbortSignal | null;
  /** Before it starts: whether another that runs writes to what it needs. @throws EngineError 409 */
  needVolumes(machine: Machine): void;
}

/** A virtual machine, from its making to its removal. One thing at a time is done to it. */
export interface Machine {
  readonly record: () => MachineRecord;
  readonly isLive: () => boolean;
  /** Takes up its process, where it is there. */
  adopt(): Promise<void>;
  /** Starts it where it should run and does not. */
  bringUp(): void;
  inspect(): Promise<ContainerView>;
  start(signal: AbortSignal): Promise<void>;
  stop(signal: AbortSignal): Promise<void>;
  restart(signal: AbortSignal): Promise<void>;
  remove(signal: AbortSignal): Promise<void>;
  change(next: Partial<Pick<MachineRecord, 'name' | 'restart'>>): Promise<void>;
  setPorts(ports: readonly MachinePort[]): Promise<void>;
  /** Its ports lead to where it is now. */
  followPorts(): Promise<void>;
  readLogs(wanted: LogsWanted, signal: AbortSignal): AsyncIterable<LogLine>;
  openConsole(signal: AbortSignal): Duplex;
  /** Lets one go on that stands still for want of room, where there is some. */
  resumeWhereRoom(): Promise<void>;
  /** Leaves it alone. */
  detach(): Promise<void>;
}

/** ganeti, hv_kvm.py: a guest that is still booting does not hear it the first time. */
const ASK_AGAIN_MS = 10_000;
const MS = 1000;
const UNSEEN: MachineEnd = { exitCode: 255, why: 'its process has ended while nobody saw how' };
const never = new AbortController().signal;

export function createMachine(deps: MachineDeps, places: Places, first: MachineRecord): Machine {
  const { clock, wallMs, taps, table, bootId, ports } = deps;
  const log = deps.log.child({ machine: first.name });
  const consoleLog = openConsoleLog(places.console, wallMs);
  const console = createSerialConsole(consoleLog);
  let record = first;
  let live: LiveMachine | null = null;
  /** Resolves when all is done that its end asks for. */
  let settled: Promise<void> = Promise.resolve();
  let cancelRestart: (() => void) | null = null;
  let endsMs: number[] = [];
  const turns = createTurns();
  const writes = createTurns();
  let isRemoved = false;
  /** It ends since it is asked to. */
  let isEnding = false;
  /** It has ended, and whether it is started again is not said yet: who sees it ended would start it meanwhile. */
  let isUndecided = false;

  /** What is written is the newest; it is on the disk when this resolves. */
  function save(next: Partial<MachineRecord>): Promise<void> {
    record = { ...record, ...next };
    return writes.take(async () => {
      if (!isRemoved) await writeRecord(places.record, record);
    });
  }

  /** Stands among what the guest has written, where one looks who asks why. */
  const note = (text: string) => consoleLog.append(Buffer.from(`\n[${text}]\n`));

  function forgetRestart(): void {
    cancelRestart?.();
    cancelRestart = null;
  }

  const removeOwnTaps = () => removeTaps({ taps, log }, record, never);

  async function onEnd(ended: LiveMachine, end: MachineEnd): Promise<void> {
    if (live !== ended) return;
    live = null;
    isUndecided = record.isWanted && !isEnding && !['', 'no'].includes(record.restart.Name);
    try {
      // At once: whoever sees that it has ended sees how.
      const saved = save({ isLive: false, exitCode: end.exitCode });
      console.end();
      await note(`the machine has ended: ${end.why}`);
      await removeOwnTaps();
      await ports.release(record.id);
      // On a disk that is full it is started again all the same.
      await saved.catch(reportUnsaved);
      log.info({ exitCode: end.exitCode, reason: end.why }, 'a machine has ended');
      if (record.isWanted && !isEnding) decide(end);
    } finally {
      isUndecided = false;
    }
  }

  function hold(next: LiveMachine): void {
    live = next;
    settled = next.ended
      .then((end) => onEnd(next, end))
      .catch((error: unknown) => {
        log.error({ reason: errorMessage(error) }, 'the end of a machine cannot be noted');
      });
  }

  /** What to do about an end that nobody asked for. */
  function decide(end: MachineEnd): void {
    const supervisor = deps.supervisor();
    if (supervisor === null || supervisor.aborted) return;
    const nowMs = clock.nowMs();
    endsMs = countedEnds([...endsMs, nowMs], nowMs);
    const plan = planRestart(record.restart, end, endsMs, record.restartCount);
    if (plan.kind === 'stay') return;
    if (plan.kind === 'give-up') {
      log.error({ reason: plan.why }, 'a machine is given up');
      save({ gaveUpIn: bootId, error: GIVEN_UP + plan.why }).catch(reportUnsaved);
      return;
    }
    log.warn({ afterMs: plan.afterMs, reason: end.why }, 'a machine is started again');
    cancelRestart = clock.after(plan.afterMs, () => {
      cancelRestart = null;
      turns.take(startAgain).catch(reportUnsaved);
    });
  }

  const reportUnsaved = (error: unknown) =>
    log.error({ reason: errorMessage(error) }, 'what becomes of a machine cannot be noted');

  async function startAgain(): Promise<void> {
    const supervisor = deps.supervisor();
    if (live !== null || !record.isWanted || isRemoved || supervisor === null || supervisor.aborted) return;
    try {
      await run(supervisor, { restartCount: record.restartCount + 1 });
    } catch (error) {
      if (supervisor.aborted) return;
      decide({ exitCode: 1, why: errorMessage(error) });
    }
  }

  async function leadPorts(): Promise<void> {
    if (readMachineFacts(record.spec).ports.length === 0) return;
    const networks = await viewNetworks(record, live !== null);
    await ports.lead(
      record.id,
      networks.map(({ name: bridge, ipv4: address }) => ({ bridge, address })),
    );
  }

  async function run(signal: AbortSignal, facts: Partial<MachineRecord>): Promise<void> {
    deps.needVolumes(machine);
    // Before its process is there: what a crash leaves is looked for by it.
    await save({ isWanted: true, isLive: true, gaveUpIn: null, error: '', ...facts });
    try {
      await ports.take(record, readMachineFacts(record.spec).ports);
      const next = await launchMachine(deps, { record, places, console }, signal);
      hold(next);
      await leadPorts();
      await save({ startedAt: new Date(wallMs()).toISOString() });
    } catch (error) {
      await ports.release(record.id);
      await save({ isLive: false, exitCode: 128, error: errorMessage(error) });
      throw error;
    }
  }

  async function startNow(signal: AbortSignal): Promise<void> {
    if (live !== null) return;
    forgetRestart();
    endsMs = [];
    try {
      await run(signal, { restartCount: 0 });
    } catch (error) {
      await save({ isWanted: false });
      throw error;
    }
  }

  /** Asks it to end, again and again, and forces it at last. */
  async function askToEnd(ending: LiveMachine, signal: AbortSignal): Promise<void> {
    const { stopSeconds } = readMachineFacts(record.spec);
    const over = new AbortController();
    void ending.ended.then(() => over.abort());
    const either = AbortSignal.any([signal, over.signal]);
    const untilMs = clock.nowMs() + stopSeconds * MS;
    const attempt = (task: Promise<void>) =>
      task.catch((error: unknown) =>
        log.debug({ reason: errorMessage(error) }, 'a machine was not asked to end'),
      );
    if (ending.standstill() !== '') await attempt(ending.resume());
    for (;;) {
      const leftMs = untilMs - clock.nowMs();
      if (leftMs <= 0 || over.signal.aborted) break;
      await attempt(ending.powerDown());
      await waitUnlessAborted(clock, Math.min(leftMs, ASK_AGAIN_MS), either);
      if (!over.signal.aborted) signal.throwIfAborted();
    }
    if (over.signal.aborted) return;
    await ending.force(`it did not switch itself off within ${stopSeconds} s, and was forced to`);
  }

  async function end(signal: AbortSignal): Promise<void> {
    if (live === null) return;
    isEnding = true;
    try {
      await askToEnd(live, signal);
      await settled;
    } finally {
      isEnding = false;
    }
  }

  async function stopNow(signal: AbortSignal): Promise<void> {
    forgetRestart();
    if (record.isWanted) await save({ isWanted: false });
    await end(signal);
  }

  function stateOf(): ContainerState {
    if (live !== null) return live.standstill() === '' ? 'running' : 'paused';
    if (cancelRestart !== null || isUndecided) return 'restarting';
    return record.startedAt === '' ? 'created' : 'exited';
  }

  const machine: Machine = {
    record: () => record,
    isLive: () => live !== null,
    async adopt() {
      const user = deps.userOf(record.slot);
      const found = (await table.findByUser(user)).find(({ command }) => command.includes(record.id));
      if (found !== undefined) {
        const { pid, startTicks } = found;
        const options = { identity: { pid, startTicks }, started: null, user, socketsFolder: places.sockets };
        hold(watchMachine({ table, clock, log }, { ...options, console }));
        log.info({ pid }, 'a machine that runs is taken up');
        try {
          await ports.take(record, readMachineFacts(record.spec).ports);
          await leadPorts();
        } catch (error) {
          log.error({ reason: errorMessage(error) }, 'a machine runs without its ports');
        }
        return;
      }
      if (!record.isLive) return;
      await note(`the machine has ended: ${UNSEEN.why}`);
      await removeOwnTaps();
      await save({ isLive: false, exitCode: UNSEEN.exitCode });
    },
    bringUp() {
      const isGivenUp = record.gaveUpIn === bootId;
      if (record.spec.Machine?.IsLeftAtBoot) {
        // Who starts it would take it for given up.
        if (record.gaveUpIn !== null && !isGivenUp) save({ gaveUpIn: null, error: '' }).catch(reportUnsaved);
        return;
      }
      if (live !== null || !record.isWanted || isGivenUp || cancelRestart !== null) return;
      decide({ exitCode: record.exitCode, why: UNSEEN.why });
    },
    async inspect() {
      const { id, name, spec, imageId, exitCode, startedAt, restartCount, restart } = record;
      return {
        ...{ id, name, imageId, exitCode, startedAt, restartCount, restartPolicy: restart },
        labels: spec.Labels ?? {},
        image: spec.Image,
        state: stateOf(),
        error: live?.standstill() || record.error,
        isOutOfMemory: false,
        health: 'none',
        healthcheck: null,
        shell: [],
        hasTerminal: true,
        stopTimeoutSeconds: spec.StopTimeout ?? null,
        networkMode: spec.HostConfig.NetworkMode ?? 'none',
        networks: await viewNetworks(record, live !== null),
        portBindings: {},
        publishedPorts: ports.inForce(id).map(({ Protocol: protocol, HostPort: hostPort, Port: port }) => ({
          ...{ protocol, hostAddress: '', hostPort, port },
        })),
      };
    },
    start: (signal) => turns.take(() => startNow(signal)),
    stop: (signal) => turns.take(() => stopNow(signal)),
    restart: (signal) =>
      turns.take(async () => {
        // It stays wanted: an agent that ends between starts it when it is back.
        forgetRestart();
        await end(signal);
        await startNow(signal);
      }),
    remove: (signal) =>
      turns.take(async () => {
        signal.throwIfAborted();
        forgetRestart();
        if (record.isWanted) await save({ isWanted: false });
        await live?.force('it was removed');
        await settled;
        await removeOwnTaps();
        isRemoved = true;
        await writes.settled();
        await consoleLog.close();
        await removeMachineFolder(places);
      }),
    async change(next: Partial<{ name: string; restart: RestartPolicy }>) {
      await save(next);
      if (next.restart?.Name === 'no') forgetRestart();
    },
    setPorts: (wanted) =>
      turns.take(async () => {
        const { spec } = record;
        const next = { ...spec, Machine: { ...spec.Machine, Ports: wanted } };
        const had = readMachineFacts(spec).ports;
        const facts = readMachineFacts(next);
        // Also where they are the same: what was another's may be free by now.
        if (live !== null) await ports.take(record, facts.ports);
        if (JSON.stringify(had) !== JSON.stringify(facts.ports)) await save({ spec: next });
        if (live !== null) await leadPorts();
      }),
    async followPorts() {
      if (live !== null) await leadPorts();
    },
    readLogs: (wanted, signal) =>
      readConsoleLines(consoleLog, live === null ? null : settled, wanted, signal),
    openConsole(signal) {
      if (live === null) throw refused(409, `the machine ${record.name} does not run`);
      return console.open(signal);
    },
    async resumeWhereRoom() {
      if (live === null || !live.isOutOfRoom() || !(await hasRoom(places.folder))) return;
      log.info({}, 'a machine goes on that had no room');
      await live
        .resume()
        .catch((error: unknown) => log.debug({ reason: errorMessage(error) }, 'it does not go on'));
    },
    async detach() {
      forgetRestart();
      const left = live;
      live = null;
      left?.detach();
      await consoleLog.close();
    },
  };
  return machine;
}
