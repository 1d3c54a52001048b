import { type Clock, waitUnlessAborted } from '@local-datastore/shared/clock';
import { CodedError, errorMessage } from '@local-datastore/shared/errors';
import type { AppSwitch } from '@local-datastore/shared/eve/app-instance-status';
import type { ContentTreeStatus } from '@local-datastore/shared/eve/content-tree-status';
import type { Log } from '@local-datastore/shared/log';
import type { ReadyImage } from '../deployments/create-deployments.ts';
import type { DeploymentSettings } from '../deployments/deployment-settings.ts';
import type { ContainerSpec } from '../engine/container-spec.ts';
import type { SwitchOutcome } from '../switch/outcome.ts';
import type { KeptVersion, Switch } from '../switch/switch-contract.ts';
import { type AppBoard, createAppBoard } from './app-board.ts';
import { causeOfEnd, causeOfError, causeOfRun } from './app-cause.ts';
import type { AppIntent } from './app-intent.ts';
import type { AppNetworks } from './app-networks.ts';
import { readAppSettings } from './app-settings.ts';
import {
  APP_LABEL,
  type ContainerIntent,
  containerOfApp,
  identityOf,
  withIdentity,
} from './container-of-app.ts';
import { type AppRecord, judgeCounters } from './counters.ts';

/** What was carried out of an app. */
export interface AppMemory extends AppRecord {
  /** How often a person asked that it be made anew. */
  readonly purges: number;
}

export const APP_ACTIONS = ['restart', 'purge'] as const;
export type AppAction = (typeof APP_ACTIONS)[number];

/** The applications of a device, as its configuration wants them. */
export interface Apps extends Pick<AppBoard, 'statuses' | 'status' | 'onEvent'> {
  /** @returns `unknown`: there is no such app; `unusable`: nothing can be done to it as it is configured */
  act(id: string, action: AppAction): 'done' | 'unknown' | 'unusable';
  /** Something may have changed: the configuration, a content tree, the engine. */
  wake(): void;
  /** Until the signal is aborted. */
  run(signal: AbortSignal): Promise<void>;
}

export interface AppsDeps {
  /** As the configuration in force wants them; null: none is in force, and everything stays as it is. */
  intents(): readonly AppIntent[] | null;
  treeStatus(uuid: string): ContentTreeStatus | null;
  /** The archive of a verified image. @param location of its content tree */
  readImage(location: string): AsyncIterable<Uint8Array>;
  /** Gives an image to the engine. */
  loadImage(source: AsyncIterable<Uint8Array>, app: string, signal: AbortSignal): Promise<ReadyImage>;
  /** @throws CodedError: an argument is wrong, or not permitted */
  prepare(settings: DeploymentSettings): Promise<(image: string) => ContainerSpec>;
  readonly networks: AppNetworks;
  readonly switcher: Pick<Switch, 'deploy' | 'start' | 'stop' | 'restart' | 'remove' | 'versions' | 'names'>;
  /** By uuid. */
  readonly memory: {
    read(): Readonly<Record<string, AppMemory>> | null;
    write(value: Readonly<Record<string, AppMemory>>): void;
  };
  /** How the last switches went, by uuid. */
  readonly switches: {
    read(): Readonly<Record<string, AppSwitch>> | null;
    write(value: Readonly<Record<string, AppSwitch>>): void;
  };
  /** Whether the device has booted since apps were started last: only then they are started after their delay. */
  readonly isFreshBoot: boolean;
  readonly clock: Clock;
  /** Milliseconds since the epoch. */
  wallMs(): number;
  readonly log: Log;
}

/** How often it is looked whether everything runs, and what failed is tried again. */
const LOOK_INTERVAL_MS = 30_000;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** An app that cannot be run as it is configured, by a name that is no fault of the agent's. */
class AppError extends CodedError<'APP_UNUSABLE' | 'APP_UNCHANGED'> {}

const digestOf = ({ ContentSha256, FileLocation }: ContentTreeStatus) => ContentSha256 || FileLocation;
const servingOf = (versions: readonly KeptVersion[]) => versions.find(({ role }) => role === 'serving');
const isUp = (version: KeptVersion | undefined) => version?.container.state === 'running';

export function createApps(deps: AppsDeps): Apps {
  const { switcher, networks, clock, log } = deps;
  const board = createAppBoard(deps);
  const { because, publish, inState, wasFine, tellError, tellServing } = board;
  /** Under way, by id: no app waits for another one. */
  const running = new Map<string, Promise<void>>();
  /** Looked at while they were under way: what was new then may not have been seen. */
  const again = new Set<string>();
  const actions = new Map<string, AppAction>();
  /** What failed as it is: it is not tried again until something of it changes. */
  const failed = new Map<string, { readonly attempt: string; readonly error: CodedError }>();
  const delayed = new Set<string>();
  let memory: Readonly<Record<string, AppMemory>> = deps.memory.read() ?? {};
  let isWoken = false;
  let waiting: AbortController | null = null;
  const wake = () => {
    isWoken = true;
    waiting?.abort();
  };

  const remember = (id: string, value: AppMemory | undefined) => {
    const { [id]: _, ...rest } = memory;
    memory = value === undefined ? rest : { ...rest, [id]: value };
    deps.memory.write(memory);
  };

  /** @throws CodedError: it was taken back */
  function mustBeDone(outcome: SwitchOutcome): void {
    if (outcome.kind === 'committed') return;
    const last = outcome.logs.length === 0 ? '' : `; its last words: ${outcome.logs.slice(-3).join(' | ')}`;
    // An engine that is away is no fault of the app's.
    const retryable = outcome.code === 'ENGINE_AWAY';
    throw new CodedError(outcome.code, `${outcome.why}${last}`, { retryable });
  }

  /** Puts another version in the place of what runs. */
  async function replace(
    intent: ContainerIntent,
    wanted: {
      readonly settings: DeploymentSettings;
      readonly spec: ContainerSpec;
      readonly tree: ContentTreeStatus;
    },
    signal: AbortSignal,
  ): Promise<void> {
    const { uuid: id } = intent;
    const { settings, spec, tree } = wanted;
    inState(id, 'LOADING');
    const image = await deps.loadImage(deps.readImage(tree.FileLocation), id, signal);
    inState(id, 'LOADED');
    // The engine makes the volumes with the container.
    inState(id, 'CREATED_VOLUME');
    for (const { bridge } of intent.networks) await networks.ensure(bridge, signal);
    inState(id, 'INSTALLED');
    if (deps.isFreshBoot && intent.startDelayMs > 0 && !delayed.has(id)) {
      inState(id, 'START_DELAYED');
      await waitUnlessAborted(clock, intent.startDelayMs, signal);
      signal.throwIfAborted();
    }
    delayed.add(id);
    inState(id, 'BOOTING');
    const { health, stopSeconds, settleMs, keep } = settings;
    const outcome = await switcher.deploy(
      { name: id, spec, image, health, stopSeconds, settleMs, keep },
      (step) => log.debug({ app: id, step }, 'switching'),
      signal,
    );
    board.tellSwitch(id, outcome, digestOf(tree));
    mustBeDone(outcome);
  }

  async function run(intent: ContainerIntent, signal: AbortSignal): Promise<void> {
    const { uuid: id } = intent;
    const settings = readAppSettings(id, intent.extension);
    if (typeof settings === 'string') throw new AppError('APP_UNUSABLE', settings);
    const versions = await switcher.versions(id, signal);
    const serving = servingOf(versions);
    tellServing(id, serving);
    if (!intent.isActive) return halt(id, serving, signal);

    const tree = deps.treeStatus(intent.root.tree?.uuid ?? '');
    if (tree === null || tree.State !== 'VERIFIED' || tree.FileLocation === '') {
      const isFine = (tree?.Error ?? '') === '';
      because(
        id,
        isUp(serving) && isFine
          ? { by: 'agent', why: 'it ran already' }
          : { by: 'content', why: tree?.Error ?? '' },
      );
      if (isUp(serving)) inState(id, 'RUNNING');
      else publish(id, { State: tree?.State ?? 'INITIAL' });
      // What it waits for is said by the content tree.
      publish(id, {
        Error: tree?.Error ?? '',
        ErrorCode: tree?.ErrorCode ?? '',
        ErrorTime: tree?.ErrorTime ?? '',
      });
      return;
    }
    const action = actions.get(id);
    const last = memory[id] ?? null;
    const verdict = serving === undefined ? ({ kind: 'none' } as const) : judgeCounters(last, intent.record);
    const isPurge = action === 'purge' || verdict.kind === 'purge';
    const purges = (last?.purges ?? 0) + (action === 'purge' ? 1 : 0);
    const base = (await deps.prepare(settings))('');
    const bare = containerOfApp(intent, base);
    const digest = digestOf(tree);
    const identity = identityOf(bare, digest, intent.record.purgeCounter + purges);
    const isSame = serving?.container.labels[APP_LABEL] === identity;
    const done: AppMemory = { ...intent.record, purges };
    const { State, LastSwitch } = board.status(id) ?? {};
    const facts = { action, verdict, isSame, digest, lastDigest: LastSwitch?.ContentSha256 ?? null };
    because(id, causeOfRun({ ...facts, serving: serving?.container, wasHalted: State === 'HALTED' }));
    if (verdict.kind === 'refused' && !isPurge && !isSame && isUp(serving)) {
      inState(id, 'RUNNING');
      throw new AppError('APP_UNCHANGED', verdict.problem);
    }
    const attempt = `${identity} ${intent.record.restartCounter}`;
    const before = failed.get(id);
    if (before?.attempt === attempt && action === undefined) {
      because(id, causeOfError(before.error));
      publish(id, { State: isUp(serving) ? 'RUNNING' : 'BROKEN' });
      throw before.error;
    }
    const isRestart = action === 'restart' || verdict.kind === 'restart';
    const isKept = isSame && !isPurge;
    if (isKept && !isRestart && serving?.container.state === 'restarting') {
      // The engine starts it again itself, and waits longer each time.
      inState(id, 'BROKEN');
      throw new CodedError('EXITED', `it ends again and again: ${causeOfEnd(serving.container).why}`);
    }
    try {
      if (isKept) {
        const wanted = { name: id, settleMs: settings.settleMs };
        const onStep = () => {};
        if (isUp(serving) && isRestart) {
          inState(id, 'RESTARTING');
          mustBeDone(await switcher.restart(wanted, onStep, signal));
        } else if (!isUp(serving)) {
          inState(id, 'BOOTING');
          mustBeDone(await switcher.start(wanted, onStep, signal));
        }
      } else {
        if (isPurge) inState(id, 'PURGING');
        await replace(intent, { settings, spec: withIdentity(bare, identity), tree }, signal);
      }
    } catch (error) {
      signal.throwIfAborted();
      // An engine that is away is no fault of the app's; what was only to be started is tried again at each look.
      if (error instanceof CodedError && !error.retryable && (!isKept || isRestart)) {
        failed.set(id, { attempt, error });
        if (action !== undefined && actions.get(id) === action) actions.delete(id);
      }
      const now = servingOf(await switcher.versions(id, signal).catch(() => []));
      tellServing(id, now);
      because(id, causeOfError(error));
      inState(id, isUp(now) ? 'RUNNING' : 'BROKEN');
      throw error;
    }
    failed.delete(id);
    if (action !== undefined && actions.get(id) === action) actions.delete(id);
    remember(id, done);
    tellServing(id, servingOf(await switcher.versions(id, signal)));
    inState(id, 'RUNNING');
    wasFine(id);
  }

  async function halt(id: string, serving: KeptVersion | undefined, signal: AbortSignal): Promise<void> {
    because(id, { by: 'configuration', why: 'it is not to run (activate)' });
    if (isUp(serving)) {
      inState(id, 'HALTING');
      await switcher.stop(id, () => {}, signal);
      tellServing(id, servingOf(await switcher.versions(id, signal)));
    }
    inState(id, 'HALTED');
    wasFine(id);
  }

  async function step(intent: AppIntent, signal: AbortSignal): Promise<void> {
    const { uuid: id, displayName } = intent;
    publish(id, { DisplayName: displayName });
    if (intent.kind === 'unusable') {
      const why = intent.problems.join('; ');
      because(id, { by: 'configuration', why });
      inState(id, 'BROKEN');
      throw new AppError('APP_UNUSABLE', why);
    }
    publish(id, {
      Activate: intent.isActive,
      ContentID: intent.root.tree?.uuid.toLowerCase() ?? '',
      Bridge: intent.networks[0]?.bridge.name ?? '',
      Warnings: [...intent.warnings],
    });
    if (intent.kind === 'vm') {
      because(id, { by: 'agent', why: 'it is a VM' });
      inState(id, 'BROKEN');
      throw new AppError(
        'APP_UNUSABLE',
        'it is started from a disk, as a VM, and this agent launches containers alone',
      );
    }
    await run(intent, signal);
  }

  function begin(intent: AppIntent, signal: AbortSignal): void {
    const { uuid: id } = intent;
    if (running.has(id)) {
      again.add(id);
      return;
    }
    const task = step(intent, signal)
      .catch((error: unknown) => {
        if (!signal.aborted) tellError(id, error);
      })
      .finally(() => {
        running.delete(id);
        if (again.delete(id)) wake();
      });
    running.set(id, task);
  }

  /** What the configuration names no more goes; where it may only be misread, it stays. */
  async function removeOthers(intents: readonly AppIntent[], signal: AbortSignal): Promise<void> {
    if (intents.some(({ uuid }) => !UUID.test(uuid))) return;
    const wanted = new Set(intents.map(({ uuid }) => uuid));
    for (const name of await switcher.names(signal)) {
      if (wanted.has(name) || running.has(name)) continue;
      log.info({ app: name }, 'an app is wanted no more');
      await switcher.remove(name, () => {}, signal);
      remember(name, undefined);
    }
  }

  async function look(signal: AbortSignal): Promise<void> {
    const intents = deps.intents();
    if (intents === null) return;
    board.adopt(intents);
    for (const intent of intents) begin(intent, signal);
    await removeOthers(intents, signal);
  }

  return {
    statuses: board.statuses,
    status: board.status,
    onEvent: board.onEvent,
    act(id, action) {
      const intent = deps.intents()?.find(({ uuid }) => uuid === id.toLowerCase());
      if (intent === undefined) return 'unknown';
      if (intent.kind !== 'container' || !intent.isActive) return 'unusable';
      actions.set(intent.uuid, action);
      failed.delete(intent.uuid);
      wake();
      return 'done';
    },
    wake,
    async run(signal) {
      let trouble = '';
      while (!signal.aborted) {
        isWoken = false;
        const reason = await look(signal).then(() => '', errorMessage);
        // Once, however long the engine is away.
        if (reason !== '' && reason !== trouble && !signal.aborted) {
          log.warn({ reason }, 'apps cannot be looked after');
        }
        trouble = reason;
        if (isWoken) continue;
        waiting = new AbortController();
        await waitUnlessAborted(clock, LOOK_INTERVAL_MS, AbortSignal.any([signal, waiting.signal]));
      }
      await Promise.all(running.values());
    },
  };
}
