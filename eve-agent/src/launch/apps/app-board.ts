// SPDX-License-Identifier: Apache-2.0
import { CodedError, errorMessage } from '@local-datastore/shared/errors';
import type {
  AppInstanceStatus,
  AppPortMap,
  AppSwitch,
} from '@local-datastore/shared/eve/app-instance-status';
import type { AppStateChange } from '@local-datastore/shared/eve/app-state-change';
import type { AppState } from '@local-datastore/shared/eve/sw-state';
import type { Log } from '@local-datastore/shared/log';
import type { PublishedPort } from '../engine/container-engine.ts';
import type { SwitchOutcome } from '../switch/outcome.ts';
import type { KeptVersion } from '../switch/switch-contract.ts';
import type { Cause } from './app-cause.ts';

export type AppEvent =
  | { readonly kind: 'status'; readonly status: AppInstanceStatus }
  | { readonly kind: 'state'; readonly change: AppStateChange }
  | { readonly kind: 'removed'; readonly id: string };

/** Makes the status of every app known to whoever listens. */
export interface AppBoard {
  /** In the order of the configuration. */
  statuses(): readonly AppInstanceStatus[];
  status(id: string): AppInstanceStatus | null;
  /** @returns ends it */
  onEvent(listener: (event: AppEvent) => void): () => void;
  /** Shows these apps in this order, and no others. */
  adopt(apps: readonly { readonly uuid: string; readonly displayName: string }[]): void;
  /** Notes who is behind what comes to an app from now on. */
  because(id: string, cause: Cause): void;
  publish(id: string, change: Partial<AppInstanceStatus>): void;
  inState(id: string, state: AppState): void;
  wasFine(id: string): void;
  /** What runs of it; undefined: nothing does. */
  tellServing(id: string, serving: KeptVersion | undefined): void;
  /** @param digest of the image that was to run */
  tellSwitch(id: string, outcome: SwitchOutcome, digest: string): void;
  tellError(id: string, error: unknown): void;
}

export interface AppBoardDeps {
  /** How the last switches went, by id: kept over a restart of the agent. */
  readonly switches: {
    read(): Readonly<Record<string, AppSwitch>> | null;
    write(value: Readonly<Record<string, AppSwitch>>): void;
  };
  /** Milliseconds since the epoch. */
  wallMs(): number;
  readonly log: Log;
}

const NO_STATUS: AppInstanceStatus = {
  ...{
    AppID: '',
    DisplayName: '',
    Activate: false,
    State: 'INITIAL',
    StateTime: '',
    ContentID: '',
    Image: '',
  },
  ...{ Generation: 0, BootTime: '', RestartCount: 0, LastSwitch: null, IPAddress: '', Bridge: '' },
  PortMaps: [],
  ...{ Error: '', ErrorTime: '', ErrorCode: '', Warnings: [] },
};
/** What Go writes for a time that never was. */
const NEVER = '0001-01-01T00:00:00Z';
/** In which an app stays: what it passes on its way there is of less interest. */
const LASTING: ReadonlySet<AppState> = new Set(['RUNNING', 'HALTED', 'BROKEN']);
const MAX_WHY = 500;

const toSwitch = (outcome: SwitchOutcome, ContentSha256: string, Time: string): AppSwitch => ({
  ...{ Time, ContentSha256 },
  Outcome: outcome.kind,
  Code: outcome.kind === 'kept' ? outcome.code : '',
  How: outcome.kind === 'committed' ? outcome.how : '',
  GapMs: outcome.gap?.longestSilenceMs ?? null,
  Asked: outcome.gap?.asked ?? 0,
  Failed: outcome.gap?.failed ?? 0,
});

const toPortMap = ({ protocol, hostAddress, hostPort, port }: PublishedPort): AppPortMap => ({
  ...{ Protocol: protocol, HostAddress: hostAddress, HostPort: hostPort, AppPort: port },
});

export function createAppBoard({ switches: file, wallMs, log }: AppBoardDeps): AppBoard {
  const statuses = new Map<string, AppInstanceStatus>();
  const causes = new Map<string, Cause>();
  const listeners = new Set<(event: AppEvent) => void>();
  let switches: Readonly<Record<string, AppSwitch>> = file.read() ?? {};
  let order: readonly string[] = [];
  const now = () => new Date(wallMs()).toISOString();
  const emit = (event: AppEvent) => {
    for (const listener of listeners) listener(event);
  };

  /** No app fails by it that nobody will know of a switch after a restart. */
  function keep(value: typeof switches): void {
    switches = value;
    try {
      file.write(value);
    } catch (error) {
      log.warn({ reason: errorMessage(error) }, 'how the switches of apps went cannot be noted');
    }
  }

  function tellState({ AppID, DisplayName, State, StateTime: Time }: AppInstanceStatus, OldState: AppState) {
    const { by: By, why: Why } = causes.get(AppID) ?? { by: 'agent', why: '' };
    emit({ kind: 'state', change: { AppID, DisplayName, OldState, State, Time, By, Why } });
    const level = LASTING.has(State) ? 'info' : 'debug';
    log[level]({ app: AppID, from: OldState, to: State, by: By, reason: Why }, 'an app is in another state');
  }

  function publish(id: string, change: Partial<AppInstanceStatus>): void {
    const before = statuses.get(id) ?? { ...NO_STATUS, AppID: id, LastSwitch: switches[id] ?? null };
    const merged = { ...before, ...change, AppID: id };
    const isMoved = merged.State !== before.State;
    const status = isMoved || before.StateTime === '' ? { ...merged, StateTime: now() } : merged;
    const isNew = !statuses.has(id);
    statuses.set(id, status);
    // The order of the members is that of the first one.
    if (!isNew && JSON.stringify(status) === JSON.stringify(before)) return;
    emit({ kind: 'status', status });
    if (isMoved) tellState(status, before.State);
  }

  return {
    statuses: () => order.flatMap((id) => statuses.get(id) ?? []),
    status: (id) => statuses.get(id.toLowerCase()) ?? statuses.get(id) ?? null,
    onEvent(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    adopt(apps) {
      order = apps.map(({ uuid }) => uuid);
      const wanted = new Set(order);
      for (const id of [...statuses.keys()]) {
        if (wanted.has(id)) continue;
        statuses.delete(id);
        causes.delete(id);
        emit({ kind: 'removed', id });
      }
      for (const { uuid, displayName } of apps) {
        if (!statuses.has(uuid)) publish(uuid, { DisplayName: displayName });
      }
      const kept = Object.entries(switches).filter(([id]) => wanted.has(id));
      if (kept.length < Object.keys(switches).length) keep(Object.fromEntries(kept));
    },
    because: (id, { by, why }) =>
      void causes.set(id, { by, why: why.replaceAll(/\s*[\r\n]+\s*/g, ' ').slice(0, MAX_WHY) }),
    publish,
    inState: (id, State) => publish(id, { State }),
    wasFine: (id) => publish(id, { Error: '', ErrorTime: '', ErrorCode: '' }),
    tellServing(id, serving) {
      const startedAt = serving?.container.startedAt ?? '';
      publish(id, {
        Image: serving?.container.image ?? '',
        Generation: serving?.generation ?? 0,
        BootTime: startedAt === NEVER ? '' : startedAt,
        RestartCount: serving?.container.restartCount ?? 0,
        IPAddress: serving?.container.networks[0]?.ipv4 ?? '',
        PortMaps: (serving?.container.publishedPorts ?? []).map(toPortMap),
      });
    },
    tellSwitch(id, outcome, digest) {
      const LastSwitch = toSwitch(outcome, digest, now());
      keep({ ...switches, [id]: LastSwitch });
      publish(id, { LastSwitch });
    },
    tellError(id, error) {
      const text = errorMessage(error);
      if (statuses.get(id)?.Error === text) return;
      const ErrorCode = error instanceof CodedError ? error.code : '';
      publish(id, { Error: text, ErrorCode, ErrorTime: now() });
      log.warn({ app: id, code: ErrorCode, reason: text }, 'an app is not as its configuration wants it');
    },
  };
}
