// SPDX-License-Identifier: Apache-2.0
import { type Clock, waitUnlessAborted } from '@local-datastore/shared/clock';
import { errorMessage } from '@local-datastore/shared/errors';
import type { ContentTreeStatus } from '@local-datastore/shared/eve/content-tree-status';
import type { AppAction } from './app-action.ts';
import { type AppBoard, type AppBoardDeps, createAppBoard } from './app-board.ts';
import type { AppIntent } from './app-intent.ts';
import { APP_KINDS, type AppKind, type AppMemoryFile, createAppMemoryBook } from './app-memory.ts';
import { AppError, type AppWay } from './app-way.ts';
import type { ContainerIntent } from './container-of-app.ts';
import type { VmIntent } from './machine-of-app.ts';
import { type AppPlace, createAppRunner, type RunnableIntent } from './run-app.ts';

/** The applications of a device, as its configuration wants them. */
export interface Apps extends Pick<AppBoard, 'statuses' | 'status' | 'onEvent'> {
  /** @returns `unknown`: there is no such app; `unusable`: nothing can be done to it as it is configured */
  act(id: string, action: AppAction): 'done' | 'unknown' | 'unusable';
  /** Something may have changed: the configuration, a content tree, the engine. */
  wake(): void;
  /** Until the signal is aborted. */
  run(signal: AbortSignal): Promise<void>;
}

/** How each kind of app is launched. */
export interface AppWays {
  readonly container: AppWay<ContainerIntent>;
  /** null: this agent can run none. */
  readonly vm: AppWay<VmIntent> | null;
}

export interface AppsDeps extends AppBoardDeps {
  /** As the configuration in force wants them; null: none is in force, and everything stays as it is. */
  intents(): readonly AppIntent[] | null;
  treeStatus(uuid: string): ContentTreeStatus | null;
  readonly ways: AppWays;
  readonly memory: AppMemoryFile;
  /** Whether the device has booted since apps were started last: only then they are started after their delay. */
  readonly isFreshBoot: boolean;
  readonly clock: Clock;
}

/** How often it is looked whether everything runs, and what failed is tried again. */
const LOOK_INTERVAL_MS = 30_000;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** @throws AppError APP_UNUSABLE */
function placeOf(intent: RunnableIntent, { container, vm }: AppWays): AppPlace {
  if (intent.kind === 'container') {
    return {
      intent,
      launch: container.launchOf(intent),
      way: container,
      elsewhere: vm?.switcher ?? container.switcher,
    };
  }
  if (vm === null) {
    const why = 'it is started from a disk, as a VM, which this agent cannot launch: its log says why';
    throw new AppError('APP_UNUSABLE', why);
  }
  return { intent, launch: vm.launchOf(intent), way: vm, elsewhere: container.switcher };
}

export function createApps(deps: AppsDeps): Apps {
  const { ways, clock, log } = deps;
  const board = createAppBoard(deps);
  const memory = createAppMemoryBook(deps.memory);
  const runner = createAppRunner({ ...deps, board, memory });
  /** Under way, by id: no app waits for another one. */
  const running = new Map<string, Promise<void>>();
  /** Looked at while they were under way: what was new then may not have been seen. */
  const again = new Set<string>();
  /** What is being taken away, by kind and id: a VM may take its time to end. */
  const removing = new Map<string, Promise<void>>();
  /** The last reason why something cannot be looked after. */
  const troubles = new Map<string, string>();
  let isWoken = false;
  let waiting: AbortController | null = null;
  const wake = () => {
    isWoken = true;
    waiting?.abort();
  };

  /** One that cannot be run as it is configured: what ran of it before runs on. */
  async function leave({ uuid: id, kind }: RunnableIntent, why: string, signal: AbortSignal): Promise<void> {
    const versions = await ways[kind]?.switcher.versions(id, signal).catch(() => []);
    const serving = versions?.find(({ role }) => role === 'serving');
    board.tellServing(id, serving);
    board.because(id, { by: 'configuration', why });
    board.inState(id, serving?.container.state === 'running' ? 'RUNNING' : 'BROKEN');
  }

  async function step(intent: AppIntent, signal: AbortSignal): Promise<void> {
    const { uuid: id, displayName } = intent;
    board.publish(id, { DisplayName: displayName });
    if (intent.kind === 'unusable') {
      const why = intent.problems.join('; ');
      board.because(id, { by: 'configuration', why });
      board.inState(id, 'BROKEN');
      throw new AppError('APP_UNUSABLE', why);
    }
    board.publish(id, {
      Activate: intent.isActive,
      ContentID: intent.root.tree?.uuid.toLowerCase() ?? '',
      Bridge: intent.networks[0]?.bridge.name ?? '',
      Warnings: [...intent.warnings],
    });
    let place: AppPlace;
    try {
      place = placeOf(intent, ways);
    } catch (error) {
      await leave(intent, errorMessage(error), signal);
      throw error;
    }
    await runner.run(place, signal);
  }

  function begin(intent: AppIntent, signal: AbortSignal): void {
    const { uuid: id, kind } = intent;
    if (running.has(id) || removing.has(`${kind} ${id}`)) {
      again.add(id);
      return;
    }
    const task = step(intent, signal)
      .catch((error: unknown) => {
        if (!signal.aborted) board.tellError(id, error);
      })
      .finally(() => {
        running.delete(id);
        if (again.delete(id)) wake();
      });
    running.set(id, task);
  }

  /** Once, however long it lasts. */
  function tellTrouble(what: string, fields: object, reason: string, signal: AbortSignal): void {
    if (reason !== '' && reason !== troubles.get(what) && !signal.aborted) {
      log.warn({ ...fields, reason }, 'apps cannot be looked after');
    }
    if (reason === '') troubles.delete(what);
    else troubles.set(what, reason);
  }

  /** @param isNamed whether the configuration has it as one of the other kind */
  function beginRemoval(kind: AppKind, name: string, isNamed: boolean, signal: AbortSignal): void {
    const key = `${kind} ${name}`;
    const remove = async () => {
      await ways[kind]?.switcher.remove(name, () => {}, signal);
      if (!isNamed) memory.forget(name);
    };
    log.info({ app: name, kind }, 'an app is wanted no more');
    const task = remove()
      .then(() => '', errorMessage)
      .then((reason) => {
        removing.delete(key);
        tellTrouble(key, { app: name, kind }, reason, signal);
        if (again.delete(name)) wake();
      });
    removing.set(key, task);
  }

  /** What an engine has and the configuration does not name as of its kind. */
  async function removeOthers(
    kind: AppKind,
    intents: readonly AppIntent[],
    signal: AbortSignal,
  ): Promise<void> {
    const switcher = ways[kind]?.switcher;
    if (switcher === undefined) return;
    // One that became another kind serves on until it runs as that; one that cannot be used may be of either.
    const wanted = new Set(
      intents.flatMap(({ uuid, kind: wants }) =>
        wants === kind || wants === 'unusable' || memory.get(uuid)?.kind === kind ? [uuid] : [],
      ),
    );
    for (const name of await switcher.names(signal)) {
      const isNamed = intents.some(({ uuid }) => uuid === name);
      // What is under way of one that is named is so at the other engine.
      if (wanted.has(name) || (running.has(name) && !isNamed)) continue;
      if (!removing.has(`${kind} ${name}`)) beginRemoval(kind, name, isNamed, signal);
    }
  }

  async function look(signal: AbortSignal): Promise<void> {
    const intents = deps.intents();
    if (intents === null) return;
    board.adopt(intents);
    for (const intent of intents) begin(intent, signal);
    // What the configuration names no more goes; where it may only be misread, it stays.
    if (intents.some(({ uuid }) => !UUID.test(uuid))) return;
    const looks = APP_KINDS.map(async (kind) => {
      const reason = await removeOthers(kind, intents, signal).then(() => '', errorMessage);
      // Of a kind that nothing is of, nobody wants to know.
      const isWanted = intents.some((intent) => intent.kind === kind);
      tellTrouble(kind, { kind }, isWanted ? reason : '', signal);
    });
    await Promise.all(looks);
  }

  return {
    statuses: board.statuses,
    status: board.status,
    onEvent: board.onEvent,
    act(id, action) {
      const intent = deps.intents()?.find(({ uuid }) => uuid === id.toLowerCase());
      if (intent === undefined) return 'unknown';
      if (intent.kind === 'unusable' || !intent.isActive) return 'unusable';
      runner.act(intent.uuid, action);
      wake();
      return 'done';
    },
    wake,
    async run(signal) {
      while (!signal.aborted) {
        isWoken = false;
        tellTrouble('', {}, await look(signal).then(() => '', errorMessage), signal);
        if (isWoken) continue;
        waiting = new AbortController();
        await waitUnlessAborted(clock, LOOK_INTERVAL_MS, AbortSignal.any([signal, waiting.signal]));
      }
      await Promise.all([...running.values(), ...removing.values()]);
    },
  };
}
