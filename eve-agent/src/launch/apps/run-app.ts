// SPDX-License-Identifier: Apache-2.0
import { type Clock, waitUnlessAborted } from '@local-datastore/shared/clock';
import { CodedError } from '@local-datastore/shared/errors';
import type { ContentTreeStatus } from '@local-datastore/shared/eve/content-tree-status';
import type { Log } from '@local-datastore/shared/log';
import type { SwitchOutcome } from '../switch/outcome.ts';
import type { KeptVersion } from '../switch/switch-contract.ts';
import type { AppAction } from './app-action.ts';
import type { AppBoard } from './app-board.ts';
import { causeOfEnd, causeOfError, causeOfRun } from './app-cause.ts';
import { APP_LABEL, withIdentity } from './app-identity.ts';
import type { AppIntent } from './app-intent.ts';
import type { AppMemory, AppMemoryBook } from './app-memory.ts';
import { AppError, type AppLaunch, type AppWay, type Contents, type Made } from './app-way.ts';
import { BRIDGES_LABEL } from './container-of-app.ts';
import { type CounterVerdict, judgeCounters } from './counters.ts';

/** An app that can be run, as one thing or the other. */
export type RunnableIntent = Exclude<AppIntent, { readonly kind: 'unusable' }>;

/** An app, and where it is run. */
export interface AppPlace {
  readonly intent: RunnableIntent;
  readonly launch: AppLaunch;
  readonly way: Pick<AppWay<never>, 'switcher' | 'whyDown'>;
  /** The engine of the other kind, where it may have run before. */
  readonly elsewhere: Pick<AppWay<never>['switcher'], 'versions' | 'start' | 'stop'>;
}

export interface RunAppDeps {
  readonly board: AppBoard;
  readonly memory: AppMemoryBook;
  treeStatus(uuid: string): ContentTreeStatus | null;
  /** Whether the device has booted since apps were started last: only then they are started after their delay. */
  readonly isFreshBoot: boolean;
  readonly clock: Clock;
  readonly log: Log;
}

/** Brings one app from what it is to what its configuration wants. */
export interface AppRunner {
  /** @throws CodedError: it is not as it is wanted; the signal's reason */
  run(place: AppPlace, signal: AbortSignal): Promise<void>;
  /** Is done by the next run. What failed is tried again. */
  act(id: string, action: AppAction): void;
}

const silent = () => {};
/** Steps of a switch by which a new version starts for the first time. */
const NEWS_STARTS: ReadonlySet<string> = new Set(['start candidate', 'start next']);
const servingOf = (versions: readonly KeptVersion[]) => versions.find(({ role }) => role === 'serving');
const isUp = (version: KeptVersion | undefined) => version?.container.state === 'running';

/** @throws CodedError: it was taken back; with the last words of what did not come up */
function mustBeDone(outcome: SwitchOutcome): void {
  if (outcome.kind === 'committed') return;
  const { code, why, logs } = outcome;
  const last = logs.length === 0 ? '' : `; its last words: ${logs.slice(-3).join(' | ')}`;
  // An engine that is away is no fault of the app's.
  throw new CodedError(code, `${why}${last}`, { retryable: code === 'ENGINE_AWAY' });
}

export function createAppRunner(deps: RunAppDeps): AppRunner {
  const { board, memory, clock, log } = deps;
  const actions = new Map<string, AppAction>();
  /** What failed as it is: it is not tried again until something of it changes. */
  const failed = new Map<string, { readonly attempt: string; readonly error: CodedError }>();
  /** From when on the delay of each app counts. */
  const readyMs = clock.nowMs();

  /** @returns null, and says why, while one of them is not verified */
  function findContents(id: string, trees: readonly string[], isServing: boolean): Contents | null {
    const contents = new Map<string, ContentTreeStatus>();
    for (const uuid of trees) {
      const tree = deps.treeStatus(uuid);
      if (tree?.State === 'VERIFIED' && tree.FileLocation !== '') {
        contents.set(uuid, tree);
        continue;
      }
      const { Error: why = '', ErrorCode = '', ErrorTime = '' } = tree ?? {};
      const ranAlready = isServing && why === '';
      board.because(id, ranAlready ? { by: 'agent', why: 'it ran already' } : { by: 'content', why });
      board.inState(id, isServing ? 'RUNNING' : (tree?.State ?? 'INITIAL'));
      // What it waits for is said by the content tree.
      board.publish(id, { Error: why, ErrorCode, ErrorTime });
      return null;
    }
    return contents;
  }

  /** Not positive: it is over, or there is none. */
  const delayLeftMs = ({ startDelayMs }: RunnableIntent) =>
    deps.isFreshBoot && startDelayMs > 0 ? readyMs + startDelayMs - clock.nowMs() : 0;

  async function waitAfterBoot(intent: RunnableIntent, signal: AbortSignal): Promise<void> {
    const leftMs = delayLeftMs(intent);
    if (leftMs <= 0) return;
    board.inState(intent.uuid, 'START_DELAYED');
    await waitUnlessAborted(clock, leftMs, signal);
    signal.throwIfAborted();
  }

  /** What the steps of a switch are to the app: volumes are made with the first that is made of a version. */
  function tellSteps(id: string): (step: string) => void {
    let isMade = false;
    let isStarted = false;
    return (step) => {
      log.debug({ app: id, step }, 'switching');
      if (isStarted) return;
      if (step.startsWith('create ')) {
        isMade = true;
        board.inState(id, 'CREATING_VOLUME');
      } else if (isMade && NEWS_STARTS.has(step)) {
        isStarted = true;
        for (const state of ['CREATED_VOLUME', 'INSTALLED', 'BOOTING'] as const) board.inState(id, state);
      }
    };
  }

  /** Puts another version in the place of what runs. */
  async function replace(
    { intent, launch, way }: AppPlace,
    made: Made,
    contents: Contents,
    isServing: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const { uuid: id } = intent;
    await launch.ensureNetworks(signal);
    board.inState(id, 'LOADING');
    const image = await launch.load(contents, signal);
    board.inState(id, 'LOADED');
    if (!isServing) await waitAfterBoot(intent, signal);
    const { health, stopSeconds, settleMs, keep } = launch.settings;
    const spec = withIdentity(made.spec, made.identity);
    const wanted = { name: id, spec, image, health, stopSeconds, settleMs, keep };
    const outcome = await way.switcher.deploy(wanted, tellSteps(id), signal);
    board.tellSwitch(id, outcome, made.digest);
    mustBeDone(outcome);
  }

  /** What is there is to run: it is started, or again where that is asked for. */
  async function keepUp(
    { intent, launch, way }: AppPlace,
    serving: KeptVersion | undefined,
    isRestart: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const { uuid: id } = intent;
    const wanted = { name: id, settleMs: launch.settings.settleMs };
    if (serving !== undefined) await launch.adjust(serving.container.id, signal);
    if (isUp(serving) && isRestart) {
      board.inState(id, 'RESTARTING');
      mustBeDone(await way.switcher.restart(wanted, silent, signal));
    } else if (!isUp(serving)) {
      if (delayLeftMs(intent) > 0) board.because(id, { by: 'host', why: 'it has booted' });
      await waitAfterBoot(intent, signal);
      board.inState(id, 'BOOTING');
      mustBeDone(await way.switcher.start(wanted, silent, signal));
    }
  }

  /** Where it has run as the other kind of app, that makes room: it may have the same address. */
  async function besides<Value>(
    { intent, launch, elsewhere }: AppPlace,
    other: KeptVersion | undefined,
    signal: AbortSignal,
    task: () => Promise<Value>,
  ): Promise<Value> {
    const { uuid: id } = intent;
    if (!isUp(other)) return await task();
    await elsewhere.stop(id, silent, signal);
    try {
      return await task();
    } catch (error) {
      signal.throwIfAborted();
      const wanted = { name: id, settleMs: launch.settings.settleMs };
      await elsewhere
        .start(wanted, silent, signal)
        .then(mustBeDone)
        .catch((cause: unknown) => {
          log.warn({ app: id, reason: String(cause) }, 'what an app was before cannot be started again');
        });
      throw error;
    }
  }

  async function halt(
    id: string,
    at: Pick<AppPlace['elsewhere'], 'stop' | 'versions'>,
    serving: KeptVersion | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    board.because(id, { by: 'configuration', why: 'it is not to run (activate)' });
    // Also one that has ended: its policy says that it would be started again.
    const isDown = !isUp(serving) && serving?.container.restartPolicy.Name === 'no';
    if (serving !== undefined && !isDown) {
      board.inState(id, 'HALTING');
      await at.stop(id, silent, signal);
      board.tellServing(id, servingOf(await at.versions(id, signal)));
    }
    board.inState(id, 'HALTED');
    board.wasFine(id);
  }

  /** What runs of it, as what it is to be or as what it was. */
  async function look({ intent, way, elsewhere }: AppPlace, signal: AbortSignal) {
    const { uuid: id, kind } = intent;
    const last = memory.get(id);
    const own = servingOf(await way.switcher.versions(id, signal));
    const wasElsewhere = own === undefined && last !== null && last.kind !== kind;
    // An engine that is away keeps no app of the other kind from running.
    const seen = wasElsewhere ? await elsewhere.versions(id, signal).catch(() => []) : [];
    const other = servingOf(seen);
    const at = other === undefined ? way.switcher : elsewhere;
    return { last, other, serving: own ?? other, at };
  }

  /** What of it cannot be done as it stands. @throws CodedError */
  function refuse(
    { intent: { uuid: id }, way }: AppPlace,
    wanted: { readonly attempt: string; readonly verdict: CounterVerdict; readonly isKept: boolean },
    isNews: boolean,
    serving: KeptVersion | undefined,
  ): void {
    const { attempt, verdict, isKept } = wanted;
    if (verdict.kind === 'refused' && isNews && isUp(serving)) {
      board.inState(id, 'RUNNING');
      throw new AppError('APP_UNCHANGED', verdict.problem);
    }
    const before = failed.get(id);
    if (before?.attempt === attempt && !actions.has(id)) {
      board.because(id, causeOfError(before.error));
      board.inState(id, isUp(serving) ? 'RUNNING' : 'BROKEN');
      throw before.error;
    }
    if (!isKept || serving === undefined) return;
    const whyDown = way.whyDown(serving.container);
    if (whyDown !== null) {
      board.inState(id, 'BROKEN');
      throw new AppError('APP_DOWN', whyDown);
    }
    if (serving.container.state === 'restarting') {
      // The engine starts it again itself, and waits longer each time.
      board.inState(id, 'BROKEN');
      throw new CodedError('EXITED', `it ends again and again: ${causeOfEnd(serving.container).why}`);
    }
  }

  return {
    act(id, action) {
      actions.set(id, action);
      failed.delete(id);
    },

    async run(place, signal) {
      const { intent, launch, way } = place;
      const { uuid: id, kind, record } = intent;
      const { last, other, serving, at } = await look(place, signal);
      board.tellServing(id, serving);
      if (!intent.isActive) return halt(id, at, serving, signal);

      const contents = findContents(id, launch.trees, isUp(serving));
      if (contents === null) return;
      const action = actions.get(id);
      const verdict = serving === undefined ? ({ kind: 'none' } as const) : judgeCounters(last, record);
      const isPurge = action === 'purge' || verdict.kind === 'purge';
      const isRestart = action === 'restart' || verdict.kind === 'restart';
      const purges = (last?.purges ?? 0) + (action === 'purge' ? 1 : 0);
      const made = await launch.describe(contents, record.purgeCounter + purges);
      const isSame = serving?.container.labels[APP_LABEL] === made.identity;
      const { State, LastSwitch } = board.status(id) ?? {};
      const facts = { action, verdict, isSame, digest: made.digest, wasHalted: State === 'HALTED' };
      const lastDigest = LastSwitch?.ContentSha256 ?? null;
      const bridges = made.spec.Labels?.[BRIDGES_LABEL] ?? '';
      board.because(id, causeOfRun({ ...facts, lastDigest, bridges, serving: serving?.container }));
      const attempt = `${made.identity} ${record.restartCounter}`;
      const isKept = isSame && !isPurge;
      refuse(place, { attempt, verdict, isKept: isKept && !isRestart }, !isPurge && !isSame, serving);
      try {
        if (isKept) await keepUp(place, serving, isRestart, signal);
        else {
          if (isPurge) board.inState(id, 'PURGING');
          await besides(place, other, signal, () => replace(place, made, contents, isUp(serving), signal));
        }
      } catch (error) {
        signal.throwIfAborted();
        // An engine that is away is no fault of the app's; what was only to be started is tried again at each look.
        if (error instanceof CodedError && !error.retryable && (!isKept || isRestart)) {
          failed.set(id, { attempt, error });
          if (action !== undefined && actions.get(id) === action) actions.delete(id);
        }
        const now = servingOf(await at.versions(id, signal).catch(() => []));
        board.tellServing(id, now);
        board.because(id, causeOfError(error));
        board.inState(id, isUp(now) ? 'RUNNING' : 'BROKEN');
        throw error;
      }
      failed.delete(id);
      if (action !== undefined && actions.get(id) === action) actions.delete(id);
      const done: AppMemory = { ...record, purges, kind };
      memory.set(id, done);
      board.tellServing(id, servingOf(await way.switcher.versions(id, signal)));
      board.inState(id, 'RUNNING');
      board.wasFine(id);
    },
  };
}
