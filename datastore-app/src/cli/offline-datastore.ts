// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { addOptions } from '@local-datastore/shared/command-line/options';
import { ConfigurationError } from '@local-datastore/shared/errors';
import { createOwnNames } from '@local-datastore/shared/http/request-origin';
import { systemClock } from '@local-datastore/shared/system-clock';
import { Command } from 'commander';
import { createAttempts } from '../access/attempts.ts';
import { createGuard } from '../access/guard.ts';
import { openRegistryAccess } from '../access/open-registry-access.ts';
import { createPlaces } from '../access/places.ts';
import { createLogLines } from '../activity/log-lines.ts';
import { runApp } from '../app.ts';
import type { NoteChange } from '../changes/change.ts';
import { openChanges } from '../changes/open-changes.ts';
import { SERVE_OPTIONS, type ServeOptions } from '../config.ts';
import { openOwnParser } from '../sandbox/monitor/open-parser.ts';
import type { CommandContext } from './command-context.ts';
import { BY_COMMAND } from './command-record.ts';
import { readSettings } from './effective-options.ts';
import { enterStorage, findStorage } from './enter-storage.ts';
import { openImages } from './open-images.ts';
import { takeFolders } from './take-folders.ts';

/** A datastore of this process alone, for one command. */
export interface OfflineDatastore {
  readonly url: URL;
  /** With which everything may be done; nobody else has it. */
  readonly token: string;
}

const HOST_NAME = 'offline.local';
const LOOPBACK = '127.0.0.1';
/** Requests of the command itself: they are answered. */
const DRAIN_MS = 1000;

/** The settings of a datastore, from their defaults, the file and the environment, with the folders of the command. */
function serveOptionsOf(command: Command): ServeOptions {
  const serve = addOptions(new Command('serve').exitOverride(), SERVE_OPTIONS);
  const given = command.opts<Record<string, unknown>>();
  const flags = ['root', 'state', 'config'].flatMap((name) => {
    const value = given[name];
    return typeof value === 'string' ? [`--${name}`, value] : [];
  });
  serve.parse(flags, { from: 'user' });
  const { tls: _tls, ...options } = readSettings<ServeOptions>(serve);
  const { quota, reserve } = given as Pick<ServeOptions, 'quota' | 'reserve'>;
  return { ...options, ...(quota !== undefined && { quota }), reserve: reserve ?? options.reserve };
}

/**
 * Starts the datastore over the folders of a command, while none serves them: the very same program, on loopback, at a
 * free port, advertised to nobody. It ends, and gives the folders back, with the command.
 *
 * @throws ConfigurationError where another one serves them
 */
export async function startOffline(context: CommandContext, command: Command): Promise<OfflineDatastore> {
  const { closing, signal, version } = context;
  await findStorage(command);
  const options = serveOptionsOf(command);
  const storage = await enterStorage(options);
  closing.add(await takeFolders(storage));
  const { root, state } = storage;
  const log = context.createLog('error');
  const token = randomBytes(32).toString('base64url');
  const changes = openChanges({ log, clock: systemClock }, { stateDirectory: state });
  closing.add(changes.close);
  /** Whoever asks is the command line itself, by way of a token that nobody else has. */
  const note: NoteChange = (change, message) => changes.note({ ...change, ...BY_COMMAND }, message);
  const parser = openOwnParser('the datastore runs for one command');
  const images = await openImages({ log, note }, options, storage, parser);
  closing.add(images.stop);
  const attempts = createAttempts();
  const isOwnName = createOwnNames([HOST_NAME]);
  const places = createPlaces(isOwnName, { hostName: HOST_NAME, publicUrl: undefined });
  const access = await openRegistryAccess(
    { log, attempts, isOwnName, places },
    {
      ...{ stateDirectory: state, hostName: HOST_NAME, writeToken: token, readCredential: undefined },
      ...{ grantsFile: options.grants, adminCertificateFile: undefined, carriesCertificate: false },
    },
  );
  const ending = new AbortController();
  const place = { address: LOOPBACK, port: 0 };
  let running: Promise<void> = Promise.resolve();
  const port = await new Promise<number>((resolve, reject) => {
    running = runApp(
      {
        ...{
          log,
          requestLog: log,
          logLines: createLogLines(),
          changes: { ...changes, note },
          ...images,
          access,
          isOwnName,
          places,
          certificates: undefined,
        },
        guard: createGuard({ attempts }, { writeToken: token, readCredential: undefined }),
        createAdvertiser: () => undefined,
        onListening: resolve,
      },
      {
        ...{ version, root, hostName: HOST_NAME, trustedHosts: [], http: place, https: place },
        drainMs: DRAIN_MS,
        limits: { maxConnections: 100, headerTimeoutMs: 60_000, idleTimeoutMs: 120_000 },
        ...{ quotaBytes: options.quota, reserveBytes: options.reserve, accessLog: 'none' },
        ...{ collectEveryMs: undefined, scrubIntervalMs: 0 },
      },
      AbortSignal.any([signal, ending.signal]),
    );
    running.catch(reject);
  });
  closing.add(async () => {
    ending.abort();
    await running;
  });
  if (signal.aborted) throw new ConfigurationError('stopped before it began');
  return { url: new URL(`http://${LOOPBACK}:${port}`), token };
}
