// SPDX-License-Identifier: Apache-2.0
import { errorMessage } from '@local-datastore/shared/errors';
import { readConfigDocument } from '@local-datastore/shared/eve/config-document';
import {
  type ConfigFragment,
  type ConfigProblem,
  placeOf,
  problemText,
} from '@local-datastore/shared/eve/config-entry';
import type { ContentTree } from '@local-datastore/shared/eve/content-tree';
import {
  type DeviceConfig,
  EMPTY_DEVICE_CONFIG,
  readDeviceConfig,
} from '@local-datastore/shared/eve/device-config';
import type { Log } from '@local-datastore/shared/log';
import type { JsonFile } from '../content/json-file.ts';
import { unreadDatastoreText } from '../reconcile/desired.ts';
import {
  keepUnreadTrees,
  readStoredDocument,
  type SourcedConfiguration,
  storedDocument,
} from './stored-configuration.ts';

/** What the service runs with, and what it was offered and refused. */
export interface ConfigurationStatus {
  /** A file, a folder, or `api`; null: the one of an earlier run, or none. */
  readonly source: string | null;
  /**
   * `none`: nothing was ever configured; `partial`: some documents of the folder are refused, and what they said
   * before stays in force; `refused`: all that was offered last is, and the one before it stays.
   */
  readonly state: 'none' | 'applied' | 'partial' | 'refused';
  /** RFC 3339; null: never. */
  readonly appliedAt: string | null;
  readonly refusedAt: string | null;
  /** Of what is refused. */
  readonly problems: readonly ConfigProblem[];
  /** Of content trees in force that cannot be used; each has a status that says so. */
  readonly unusable: readonly ConfigProblem[];
  /**
   * What a person should know of the configuration in force: datastores that cannot be used, and that it wants
   * nothing of what was wanted before it.
   */
  readonly warnings: readonly string[];
  readonly datastores: number;
  readonly contentTrees: number;
}

/** One document of a configuration, or why it cannot be read. Its name is '' where it is the only one. */
export type ConfigPiece =
  | { readonly name: string; readonly document: unknown }
  | { readonly name: string; readonly problem: string };

/** The configuration in force. */
export interface Configuration {
  /**
   * Says that nothing is offered: what is in force stays, else what was when an earlier run ended. One that was
   * refused counts no longer.
   */
  restore(): void;
  /**
   * Puts a configuration in force. A document that is none keeps what the one of its name said before.
   *
   * @returns whether it is in force, in full or in part; if not, the old one stays
   */
  offer(pieces: readonly ConfigPiece[], source: string): boolean;
  /** Says that there is something, but nothing that can be read. The old one stays, or that of an earlier run. */
  refuse(problems: readonly ConfigProblem[], source: string): void;
  current(): DeviceConfig;
  status(): ConfigurationStatus;
  onChange(listener: (status: ConfigurationStatus) => void): () => void;
}

export interface ConfigurationDeps {
  /** @returns warnings: what of it cannot be used */
  apply(config: DeviceConfig): readonly string[];
  /** The last one in force. It holds credentials. */
  readonly file: JsonFile<unknown>;
  /** Milliseconds since the epoch. */
  wallMs(): number;
  readonly log: Log;
}

const NOTHING: SourcedConfiguration = { source: null, fragments: [], config: EMPTY_DEVICE_CONFIG };
/** How many problems or warnings one line of the log names; the status has more. */
const MAX_LOGGED_PROBLEMS = 5;
/** How many problems or warnings the status has. */
const MAX_SHOWN_PROBLEMS = 100;

const logged = (problems: readonly ConfigProblem[]) =>
  problems.slice(0, MAX_LOGGED_PROBLEMS).map(problemText);

/** A configuration without what nobody should read. */
export function withoutSecrets(config: DeviceConfig): object {
  const { datastores, contentInfo, apps, volumes, networkInstances } = config;
  const hide = (value: string | undefined) => (value === undefined || value === '' ? value : '(secret)');
  return {
    datastores: datastores.map((datastore) => ({
      ...datastore,
      ...('apiKey' in datastore && { apiKey: hide(datastore.apiKey) }),
      ...('password' in datastore && { password: hide(datastore.password) }),
      ...('cipherData' in datastore && { cipherData: '(secret)' }),
    })),
    contentInfo,
    volumes,
    // Keys of all kinds stand in user data, and in the environment among our own arguments.
    apps: apps.map((app) => ({
      ...app,
      userData: hide(app.userData),
      ...(app.localDatastore !== undefined && { localDatastore: '(secret)' }),
    })),
    networkInstances,
  };
}

/** @returns why a person should look, where nothing of what was wanted is wanted any more */
function droppedEverything(before: DeviceConfig, { contentInfo }: DeviceConfig): string[] {
  const count = before.contentInfo.length;
  const uuids = new Set(contentInfo.map(({ uuid }) => uuid.toLowerCase()));
  const digests = new Set(contentInfo.map(({ sha256 }) => sha256.toLowerCase()));
  const isWanted = ({ uuid, sha256 }: ContentTree) =>
    uuids.has(uuid.toLowerCase()) || (sha256 !== '' && digests.has(sha256.toLowerCase()));
  if (count === 0 || before.contentInfo.some(isWanted)) return [];
  const what =
    count === 1
      ? 'the one content tree that was wanted is'
      : `all ${count} content trees that were wanted are`;
  return [`${what} wanted no more: what is here of it goes after its grace time`];
}

interface ReadPieces {
  readonly fragments: readonly ConfigFragment[];
  readonly problems: readonly ConfigProblem[];
  /** Whether any of them is a configuration itself. */
  readonly isAnyRead: boolean;
}

/** @param before what stands in for a piece of the same name that cannot be read */
function readPieces(pieces: readonly ConfigPiece[], before: readonly ConfigFragment[]): ReadPieces {
  const fragments: ConfigFragment[] = [];
  const problems: ConfigProblem[] = [];
  for (const piece of pieces) {
    const { name } = piece;
    const read = 'problem' in piece ? null : readConfigDocument(piece.document);
    if (read?.isConfig === true) {
      fragments.push({ name, lists: read.lists });
      continue;
    }
    const { path, message } = read ?? { path: '', message: 'problem' in piece ? piece.problem : '' };
    problems.push({ path: placeOf(name, path), message });
    fragments.push(...before.filter((fragment) => fragment.name === name));
  }
  return { fragments, problems, isAnyRead: problems.length < pieces.length };
}

export function createConfiguration({ apply, file, wallMs, log }: ConfigurationDeps): Configuration {
  const listeners = new Set<(status: ConfigurationStatus) => void>();
  let inForce = NOTHING;
  /** Of the last run; null: there is none; undefined: not read yet. */
  let last: SourcedConfiguration | null | undefined;
  let status: ConfigurationStatus = {
    source: null,
    state: 'none',
    appliedAt: null,
    refusedAt: null,
    problems: [],
    unusable: [],
    warnings: [],
    datastores: 0,
    contentTrees: 0,
  };
  const timeText = () => new Date(wallMs()).toISOString();
  const change = (next: Partial<ConfigurationStatus>) => {
    status = { ...status, ...next };
    for (const listener of listeners) listener(status);
  };
  const readLast = (): SourcedConfiguration | null => {
    if (last !== undefined) return last;
    const stored = file.read();
    const read = stored === null ? null : readStoredDocument(stored);
    if (typeof read === 'string') {
      log.error({ problems: [read] }, 'the configuration of the last run is left out: it is none');
    }
    last = typeof read === 'string' ? null : read;
    return last;
  };
  const readBefore = () => (status.appliedAt === null ? (readLast() ?? NOTHING) : inForce);

  const warn = (source: string | null, warnings: readonly string[], message: string) => {
    if (warnings.length === 0) return;
    log.warn({ source, warnings: warnings.slice(0, MAX_LOGGED_PROBLEMS), count: warnings.length }, message);
  };
  const putInForce = (
    next: SourcedConfiguration,
    source: string | null,
    problems: readonly ConfigProblem[],
  ) => {
    const { config } = next;
    const dropped = droppedEverything(readBefore().config, config);
    inForce = next;
    for (const warning of dropped) log.warn({ source }, warning);
    const unread = config.unusableDatastores.map(unreadDatastoreText);
    const unused = [...new Set([...unread, ...apply(config)])];
    warn(source, unused, 'datastores of the configuration cannot be used: what names no others has to wait');
    const unusable = config.unusableTrees.flatMap((tree) => tree.problems);
    warn(
      source,
      unusable.map(problemText),
      'content trees of the configuration cannot be used: the others can',
    );
    change({
      source,
      state: problems.length > 0 ? 'partial' : 'applied',
      appliedAt: timeText(),
      ...(problems.length > 0 && { refusedAt: timeText() }),
      problems: problems.slice(0, MAX_SHOWN_PROBLEMS),
      unusable: unusable.slice(0, MAX_SHOWN_PROBLEMS),
      warnings: [...dropped, ...unused].slice(0, MAX_SHOWN_PROBLEMS),
      datastores: config.datastores.length,
      contentTrees: config.contentInfo.length,
    });
  };
  const restoreLast = () => {
    const stored = readLast();
    if (stored === null) return;
    const contentTrees = stored.config.contentInfo.length;
    log.info({ contentTrees }, 'going on with the configuration of the last run');
    putInForce(stored, null, []);
  };
  const keep = (next: SourcedConfiguration) => {
    try {
      file.write(storedDocument(next));
    } catch (error) {
      // It may be the very one that makes room on a full disk.
      log.error(
        { reason: errorMessage(error) },
        'the configuration cannot be stored: without its source a restart goes back to the one before',
      );
    }
  };
  const refuse = (problems: readonly ConfigProblem[], source: string) => {
    if (status.state === 'none') restoreLast();
    log.error(
      { source, problems: logged(problems), count: problems.length },
      'the new configuration is refused; the old one stays',
    );
    change({ state: 'refused', refusedAt: timeText(), problems: problems.slice(0, MAX_SHOWN_PROBLEMS) });
  };

  return {
    restore() {
      if (status.state === 'none') restoreLast();
      else if (status.state !== 'applied') {
        change({ state: status.appliedAt === null ? 'none' : 'applied', problems: [] });
      }
    },
    offer(pieces, source) {
      const before = readBefore();
      const { fragments, problems, isAnyRead } = readPieces(
        pieces,
        before.source === source ? before.fragments : [],
      );
      if (!isAnyRead) {
        refuse(problems, source);
        return false;
      }
      const config = keepUnreadTrees(readDeviceConfig(fragments), before.config.contentInfo);
      const next = { source, fragments, config };
      keep(next);
      const [datastores, contentTrees] = [config.datastores.length, config.contentInfo.length];
      log.info({ source, datastores, contentTrees }, 'configuration in force');
      if (problems.length > 0) {
        log.error(
          { source, problems: logged(problems), count: problems.length },
          'documents of the configuration are refused; what they said before stays',
        );
      }
      putInForce(next, source, problems);
      return true;
    },
    refuse,
    current: () => inForce.config,
    status: () => status,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
