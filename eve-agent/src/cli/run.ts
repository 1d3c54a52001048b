import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { addOptions, applyConfigurationFile } from '@local-datastore/shared/command-line/options';
import { ConfigurationError } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { Command } from 'commander';
import * as z from 'zod';
import packageJson from '../../package.json' with { type: 'json' };
import { listen } from '../api/listen.ts';
import { createLogStream } from '../api/log-stream.ts';
import { createRouter } from '../api/router.ts';
import { createRoutes } from '../api/routes.ts';
import { createContentStore } from '../content/content-store.ts';
import { TargetError } from '../content/errors.ts';
import { createFileTarget, HASH_LANE_BYTES } from '../content/file-target.ts';
import { hashFile } from '../content/hash-file.ts';
import { createHashLanes } from '../content/hash-lanes.ts';
import { imagesFolderOf } from '../content/images-folder.ts';
import { createJsonFile } from '../content/json-file.ts';
import { createStatusFiles } from '../content/status-files.ts';
import { lockTarget } from '../content/target-lock.ts';
import { watchAnnouncements } from '../discovery/announcements.ts';
import { systemClock } from '../discovery/clock.ts';
import { DiscoveryError } from '../discovery/discovery-error.ts';
import type { Locate } from '../discovery/locate.ts';
import { type Origin, originOf } from '../discovery/origin.ts';
import { createSharedQuerier } from '../discovery/shared-querier.ts';
import { readNetworkInstances } from '../network/network-instances.ts';
import { openFlow } from '../network/open-flow.ts';
import { createConfigSource } from '../reconcile/config-source.ts';
import { createConfiguration } from '../reconcile/configuration.ts';
import { createReconciler } from '../reconcile/reconciler.ts';
import { retryRecordsSchema } from '../reconcile/retry-records.ts';
import type { StepDeps } from '../reconcile/runtime.ts';
import { runScrubs } from '../reconcile/scrub-schedule.ts';
import { createTally } from '../reconcile/tally.ts';
import { createDownload } from '../transfer/download.ts';
import { createPace } from '../transfer/pace.ts';
import type { Target } from '../transfer/target.ts';
import { SOCKET_NAME } from './agent-client.ts';
import { RUN_OPTIONS, type RunOptions, settingsOption } from './agent-options.ts';
import type { CommandContext } from './command-context.ts';
import { createSystemLocator, createSystemOpenQuerier, selectSystemBridges } from './discovery.ts';
import { leastRateOf } from './transfer-options.ts';

const USER_AGENT = 'eve-agent';
/** EVE's `blob.download.max.retries`. */
const MAX_MISMATCHES = 5;
/** Leaves most of a slow device's disk and processor to others. */
const HASH_BYTES_PER_SECOND = 100 * 1024 * 1024;
const SMALL_BYTES = 64 * 1024 * 1024;
/** What holds credentials is for its owner alone. */
const SECRET_MODE = 0o600;

/** @throws ConfigurationError when another agent works in the same state directory */
async function lockState(state: string): Promise<() => void> {
  try {
    return await lockTarget(join(state, 'agent'));
  } catch (error) {
    if (!(error instanceof TargetError)) throw error;
    throw new ConfigurationError(`another agent runs with the state directory ${state}`, { cause: error });
  }
}

/** How long another responder under the same name is looked for, before one that served wrong bytes is asked again. */
const OTHER_RESPONDER_TIMEOUT_MS = 3000;

function createNetwork(
  locate: Locate,
  targetOf: (sha256: string) => Target,
  options: RunOptions,
): Pick<StepDeps, 'download' | 'probe'> {
  const discovery = { bridges: options.bridge ?? [], timeoutMs: options.timeout * 1000 };
  const pace = options.rateLimit === undefined ? undefined : createPace(options.rateLimit, systemClock.nowMs);

  async function locateOther(url: URL, avoidedAddresses: ReadonlySet<string>, signal: AbortSignal) {
    if (avoidedAddresses.size === 0) return await locate(url, { ...discovery, signal });
    try {
      const timeoutMs = Math.min(discovery.timeoutMs, OTHER_RESPONDER_TIMEOUT_MS);
      return await locate(url, { ...discovery, timeoutMs, signal, avoidedAddresses });
    } catch (error) {
      if (!(error instanceof DiscoveryError) || error.code !== 'DATASTORE_NOT_FOUND') throw error;
      return await locate(url, { ...discovery, signal });
    }
  }

  return {
    probe: async (url, signal) => void (await locate(url, { ...discovery, signal })),
    download(request, observer, signal) {
      const { avoidedAddresses } = request;
      const download = createDownload(
        {
          async locate(url, until): Promise<Origin> {
            return originOf(await locateOther(url, avoidedAddresses, until));
          },
          openFlow,
          delay: (delayMs, until) => wait(delayMs, undefined, { signal: until }),
          now: Date.now,
          random: Math.random,
          pace,
          clock: systemClock,
        },
        {
          // Every failure is planned around: another datastore may be next.
          retry: { maxFailures: 0, maxDelayMs: 0 },
          stallTimeoutMs: options.stallTimeout * 1000,
          leastRate: leastRateOf(options),
          proxy: options.proxy,
          allowsInternalRedirects: options.allowInternalRedirects === true,
          userAgent: USER_AGENT,
        },
      );
      return download({ ...request, target: targetOf(request.sha256) }, observer, signal);
    },
  };
}

async function runService(options: RunOptions, plainLog: Log, signal: AbortSignal): Promise<void> {
  const logStream = createLogStream(plainLog, Date.now);
  const { log } = logStream;
  const tally = createTally();
  const state = resolve(options.state);
  const images = imagesFolderOf(state, options.images);
  mkdirSync(state, { recursive: true });
  // Before anything there is read.
  const unlock = await lockState(state);
  const hashLanes = createHashLanes(HASH_LANE_BYTES);
  const store = createContentStore(state, images);
  const targetOf = (sha256: string) => createFileTarget(store.pendingPath(sha256), hashLanes);
  const querier = createSharedQuerier(createSystemOpenQuerier(log), systemClock);
  const reconciler = createReconciler(
    {
      ...createNetwork(createSystemLocator(log, querier.open), targetOf, options),
      store,
      statusFiles: createStatusFiles(join(state, 'status', 'ContentTreeStatus')),
      holdsFile: createJsonFile(
        join(state, 'holds.json'),
        z.record(z.string(), z.enum(['paused', 'cancelled'])),
        log,
      ),
      lastUseFile: createJsonFile(join(state, 'last-use.json'), z.record(z.string(), z.number()), log),
      retriesFile: createJsonFile(join(state, 'retries.json'), retryRecordsSchema, log),
      namesFile: createJsonFile(join(state, 'names.json'), z.array(z.string()), log),
      hashFile: (path, until) => hashFile(path, HASH_BYTES_PER_SECOND, until),
      clock: systemClock,
      wallMs: Date.now,
      random: Math.random,
      tally,
      createId: () => randomUUID().slice(0, 8),
      log,
    },
    {
      allowPlainCredentials: options.allowPlainCredentials === true,
      limits: {
        maxDownloads: options.maxDownloads,
        maxDownloadsPerDatastore: options.maxDownloadsPerDatastore,
        smallBytes: SMALL_BYTES,
        maxMismatches: MAX_MISMATCHES,
        graceMs: options.grace * 1000,
        marginBytes: options.reserve,
        slowTurnMs: options.leastRateWindow * 1000,
      },
      schedule: {
        steadyMs: options.retryInterval * 1000,
        slowMs: options.slowRetryInterval * 1000,
      },
    },
  );
  const configuration = createConfiguration({
    apply: (config) => reconciler.apply(config),
    file: createJsonFile(join(state, 'device-config.json'), z.unknown(), log, SECRET_MODE),
    wallMs: Date.now,
    log,
  });
  const source = createConfigSource(configuration, options.config ?? null);
  const routes = createRoutes({
    ...{ reconciler, configuration, logStream, tally },
    listInstances: () => readNetworkInstances(),
    configSource: source.path,
    version: packageJson.version,
  });
  const endings: (() => Promise<void>)[] = [];
  try {
    const places = options.listen ?? [{ kind: 'unix' as const, path: join(state, SOCKET_NAME) }];
    const listener = createRouter(routes, log);
    const { tlsCertificate, tlsKey, clientCa, clientCrl } = options;
    const tls = { certificate: tlsCertificate, key: tlsKey, clientCa, clientCrl };
    for (const place of places) {
      endings.push(await listen(place, listener, tls, { clock: systemClock, wallMs: Date.now, log }));
    }
    await reconciler.open();
    const running = [
      reconciler.run(signal),
      watchAnnouncements(
        {
          openQuerier: querier.open,
          selectBridges: () => selectSystemBridges(options.bridge ?? []),
          hosts: () => reconciler.waitedHosts(),
          onSeen: (host) => reconciler.wakeHost(host, querier.hasJustAsked()),
          clock: systemClock,
          log,
        },
        signal,
      ),
    ];
    if (options.scrubInterval > 0) {
      const file = createJsonFile(join(state, 'scrub.json'), z.object({ endedAtMs: z.number() }), log);
      const deps = {
        scrub: (until: AbortSignal) => reconciler.scrub(until),
        file,
        clock: systemClock,
        wallMs: Date.now,
      };
      running.push(runScrubs(deps, options.scrubInterval * 3_600_000, signal));
    }
    running.push(source.follow(systemClock, signal));
    log.info({ state, config: options.config ?? null }, 'running');
    await Promise.all(running);
  } finally {
    for (const end of endings) await end();
    hashLanes.close();
    unlock();
  }
  log.info({}, 'stopped');
}

/** `eve-agent run`. */
export function runCommand({ signal, createLog }: CommandContext): Command {
  const command = new Command('run')
    .summary('keep the images of a device as its configuration wants them')
    .description(
      'A long-lived service: reads a device configuration, downloads what its content trees name from their ' +
        'datastores, verifies it and keeps it, until it is stopped. Status is written below the state directory.',
    );
  addOptions(command, RUN_OPTIONS).hook('preAction', () => {
    const { settings } = command.opts<RunOptions>();
    const known = RUN_OPTIONS.filter((each) => each !== settingsOption);
    if (settings !== undefined) applyConfigurationFile(command, known, settings);
  });
  return command.action(async () => {
    const options = command.opts<RunOptions>();
    await runService(options, createLog(options.logLevel), signal);
  });
}
