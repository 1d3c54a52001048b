import { errorMessage } from '@local-datastore/shared/errors';
import type { ContentTree } from '@local-datastore/shared/eve/content-tree';
import {
  type ConfigFragment,
  type ConfigProblem,
  type DeviceConfig,
  type ParsedDeviceConfig,
  parseDeviceConfig,
  problemText,
} from '@local-datastore/shared/eve/device-config';
import type { Log } from '@local-datastore/shared/log';
import type { JsonFile } from './json-file.ts';

/** What the service runs with, and what it was offered and refused. */
export interface ConfigurationStatus {
  /** A file, a folder, or `api`; null: the one of an earlier run, or none. */
  readonly source: string | null;
  /** `none`: nothing was ever configured; `refused`: the last one was, and the one before it stays in force. */
  readonly state: 'none' | 'applied' | 'refused';
  /** RFC 3339; null: never. */
  readonly appliedAt: string | null;
  readonly refusedAt: string | null;
  readonly problems: readonly ConfigProblem[];
  /**
   * What a person should know of the configuration in force: what of it cannot be used, though something else takes
   * its place, and that it wants nothing of what was wanted before it.
   */
  readonly warnings: readonly string[];
  readonly datastores: number;
  readonly contentTrees: number;
}

/** The configuration in force. */
export interface Configuration {
  /**
   * Says that nothing is offered: what is in force stays, else what was when an earlier run ended. One that was
   * refused counts no longer.
   */
  restore(): void;
  /** Puts a configuration in force, or says why not and keeps the old one. */
  offer(fragments: readonly ConfigFragment[], source: string): ParsedDeviceConfig;
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

const EMPTY: DeviceConfig = { datastores: [], contentInfo: [] };
/** How many problems or warnings one line of the log names; the status has all problems. */
const MAX_LOGGED_PROBLEMS = 5;
/** How many warnings the status has. */
const MAX_WARNINGS = 100;

const logged = (problems: readonly ConfigProblem[]) =>
  problems.slice(0, MAX_LOGGED_PROBLEMS).map(problemText);

/** A configuration without what nobody should read. */
export function withoutSecrets({ datastores, contentInfo }: DeviceConfig): DeviceConfig {
  const hide = (value: string | undefined) => (value === undefined || value === '' ? value : '(secret)');
  return {
    datastores: datastores.map((datastore) => ({
      ...datastore,
      ...('apiKey' in datastore && { apiKey: hide(datastore.apiKey) }),
      ...('password' in datastore && { password: hide(datastore.password) }),
      ...('cipherData' in datastore && { cipherData: '(secret)' }),
    })),
    contentInfo,
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

export function createConfiguration({ apply, file, wallMs, log }: ConfigurationDeps): Configuration {
  const listeners = new Set<(status: ConfigurationStatus) => void>();
  let config = EMPTY;
  /** Of the last run; null: there is none; undefined: not read yet. */
  let last: DeviceConfig | null | undefined;
  let status: ConfigurationStatus = {
    source: null,
    state: 'none',
    appliedAt: null,
    refusedAt: null,
    problems: [],
    warnings: [],
    datastores: 0,
    contentTrees: 0,
  };
  const timeText = () => new Date(wallMs()).toISOString();
  const change = (next: Partial<ConfigurationStatus>) => {
    status = { ...status, ...next };
    for (const listener of listeners) listener(status);
  };
  const readLast = (): DeviceConfig | null => {
    if (last !== undefined) return last;
    const stored = file.read();
    const parsed = stored === null ? null : parseDeviceConfig([{ name: '', document: stored }]);
    if (parsed?.isValid === false) {
      log.error(
        { problems: logged(parsed.problems), count: parsed.problems.length },
        'the configuration of the last run is left out: it is none',
      );
    }
    last = parsed?.isValid === true ? parsed.config : null;
    return last;
  };
  const putInForce = (next: DeviceConfig, source: string | null) => {
    const dropped = droppedEverything(status.appliedAt === null ? (readLast() ?? EMPTY) : config, next);
    config = next;
    for (const warning of dropped) log.warn({ source }, warning);
    const unused = apply(next);
    if (unused.length > 0) {
      log.warn(
        { source, warnings: unused.slice(0, MAX_LOGGED_PROBLEMS), count: unused.length },
        'datastores of the configuration cannot be used: others take their place',
      );
    }
    const warnings = [...dropped, ...unused];
    change({
      source,
      state: 'applied',
      appliedAt: timeText(),
      problems: [],
      warnings: warnings.slice(0, MAX_WARNINGS),
      datastores: next.datastores.length,
      contentTrees: next.contentInfo.length,
    });
  };
  const keep = (next: DeviceConfig) => {
    try {
      file.write(next);
    } catch (error) {
      // It may be the very one that makes room on a full disk.
      log.error(
        { reason: errorMessage(error) },
        'the configuration cannot be stored: without its source a restart goes back to the one before',
      );
    }
  };
  const restoreLast = () => {
    const stored = readLast();
    if (stored === null) return;
    log.info({ contentTrees: stored.contentInfo.length }, 'going on with the configuration of the last run');
    putInForce(stored, null);
  };
  const refuse = (problems: readonly ConfigProblem[], source: string) => {
    if (status.state === 'none') restoreLast();
    log.error(
      { source, problems: logged(problems), count: problems.length },
      'the new configuration is refused; the old one stays',
    );
    change({ state: 'refused', refusedAt: timeText(), problems });
  };

  return {
    restore() {
      if (status.state === 'none') restoreLast();
      else if (status.state === 'refused') {
        change({ state: status.appliedAt === null ? 'none' : 'applied', problems: [] });
      }
    },
    offer(fragments, source) {
      // Before it is written over.
      readLast();
      const parsed = parseDeviceConfig(fragments);
      if (parsed.isValid) {
        keep(parsed.config);
        log.info(
          {
            source,
            datastores: parsed.config.datastores.length,
            contentTrees: parsed.config.contentInfo.length,
          },
          'configuration in force',
        );
        putInForce(parsed.config, source);
      } else refuse(parsed.problems, source);
      return parsed;
    },
    refuse,
    current: () => config,
    status: () => status,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
