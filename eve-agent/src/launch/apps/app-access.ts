// SPDX-License-Identifier: Apache-2.0
import type { Duplex } from 'node:stream';
import { CodedError } from '@local-datastore/shared/errors';
import type { ContainerView, LogLine, LogsWanted } from '../engine/container-engine.ts';
import type { AppIntent } from './app-intent.ts';
import { APP_KINDS, type AppKind } from './app-memory.ts';
import type { AppWays } from './apps.ts';

/** An app cannot be looked into. */
export class AppAccessError extends CodedError<
  'APP_UNKNOWN' | 'APP_NOT_STARTED' | 'APP_NOT_RUNNING' | 'APP_WITHOUT_CONSOLE'
> {}

/** What of an app is for people: what it writes, and where something can be typed into it. */
export interface AppAccess {
  /** Of what runs, or ran last. @throws AppAccessError; EngineError */
  logs(id: string, wanted: LogsWanted, signal: AbortSignal): Promise<AsyncIterable<LogLine>>;
  /** The serial console of a VM, until it ends or the signal is aborted. @throws AppAccessError; EngineError */
  openConsole(id: string, signal: AbortSignal): Promise<Duplex>;
}

interface Found {
  readonly kind: AppKind;
  readonly view: ContainerView;
}

export function createAppAccess(deps: {
  intents(): readonly AppIntent[] | null;
  readonly ways: AppWays;
}): AppAccess {
  const { ways } = deps;

  /** What serves of an app, as what it is or was. */
  async function find(id: string, signal: AbortSignal): Promise<Found> {
    const intent = deps.intents()?.find(({ uuid }) => uuid === id.toLowerCase());
    if (intent === undefined) {
      throw new AppAccessError('APP_UNKNOWN', 'The configuration has no app of this uuid.');
    }
    const kinds = APP_KINDS.toSorted((a, b) => Number(b === intent.kind) - Number(a === intent.kind));
    for (const [i, kind] of kinds.entries()) {
      const asked = ways[kind]?.switcher.versions(intent.uuid, signal) ?? Promise.resolve([]);
      // That the engine of what it is not is away is nobody's business.
      const versions = await (i === 0 ? asked : asked.catch(() => []));
      const view = versions.find(({ role }) => role === 'serving')?.container;
      if (view !== undefined) return { kind, view };
    }
    throw new AppAccessError('APP_NOT_STARTED', 'The app was never started: "eve-agent app list" says why.');
  }

  return {
    async logs(id, wanted, signal) {
      const { kind, view } = await find(id, signal);
      const engine = ways[kind]?.engine;
      if (engine === undefined) throw new Error(`there is no engine of a ${kind}`);
      return engine.readLogs(view.id, wanted, signal);
    },

    async openConsole(id, signal) {
      const { kind, view } = await find(id, signal);
      const openConsole = ways[kind]?.openConsole ?? null;
      if (openConsole === null) {
        throw new AppAccessError(
          'APP_WITHOUT_CONSOLE',
          'The app is a container, which has no console: "eve-agent app logs" prints what it writes.',
        );
      }
      if (view.state !== 'running') {
        throw new AppAccessError(
          'APP_NOT_RUNNING',
          'The VM does not run: "eve-agent app list" says why, and "eve-agent app logs" prints what it wrote.',
        );
      }
      return await openConsole(view.id, signal);
    },
  };
}
