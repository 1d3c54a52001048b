// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { dirname, join, resolve } from 'node:path';
import { collectEarly } from '@local-datastore/shared/early-collection';
import { ConfigurationError, errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { digestOfHex } from '@local-datastore/shared/oci/digest';
import { systemClock } from '@local-datastore/shared/system-clock';
import * as z from 'zod';
import { createAppRoutes } from '../api/app-routes.ts';
import { createDeploymentRoutes } from '../api/deployment-routes.ts';
import { type ListenAddress, listen } from '../api/listen.ts';
import { createLogStream } from '../api/log-stream.ts';
import { createManualRoutes } from '../api/manual-routes.ts';
import { createPageRoutes } from '../api/page-routes.ts';
import { createRouter } from '../api/router.ts';
import { createRoutes, withDescription } from '../api/routes.ts';
import { SOCKET_NAME } from '../api/socket-path.ts';
import { createConfigSource } from '../configuration/config-source.ts';
import { createConfiguration } from '../configuration/configuration.ts';
import { type ContentStore, createContentStore } from '../content/content-store.ts';
import { createFileTarget, HASH_LANE_BYTES } from '../content/file-target.ts';
import { hashFile } from '../content/hash-file.ts';
import { createHashLanes, type HashLanes } from '../content/hash-lanes.ts';
import { imagesFolderOf } from '../content/images-folder.ts';
import { createJsonFile } from '../content/json-file.ts';
import { prepareFolder } from '../content/prepare-folder.ts';
import { createSmallFileTarget } from '../content/small-file-target.ts';
import { createStatusFiles } from '../content/status-files.ts';
import { lockFolder } from '../content/target-lock.ts';
import { readNetworkInstances } from '../network/network-instances.ts';
import { imageResolutionSchema } from '../reconcile/image-resolution.ts';
import { createReconciler, type Reconciler } from '../reconcile/reconciler.ts';
import { retryRecordsSchema } from '../reconcile/retry-records.ts';
import { createTally } from '../reconcile/tally.ts';
import type { OpenedNtp } from '../sandbox/handlers/open-ntp.ts';
import type { Target } from '../transfer/target.ts';
import { openSites } from '../web/open-sites.ts';
import { createDeploymentPull } from './deployment-pull.ts';
import type { DhcpClients } from './dhcp-clients.ts';
import { createOwnNetwork, type NetworkSide, type NetworkSideDeps } from './network-side.ts';
import { createPreferredNetwork } from './preferred-network.ts';
import { openApps, type RunningApps } from './run-apps.ts';
import { openDeployments, type RunningDeployments } from './run-deployments.ts';
import { runTogether } from './run-together.ts';
import type { Sandbox } from './sandbox.ts';
import { runScrubs, SCRUB_BYTES_PER_SECOND, scrubTimeSchema } from './scrub-schedule.ts';
import type { ServiceSettings } from './service-settings.ts';

/** EVE's `blob.download.max.retries`. */
const MAX_MISMATCHES = 5;
const SMALL_BYTES = 64 * 1024 * 1024;
/** What holds credentials is for its owner alone. */
const SECRET_MODE = 0o600;
const TURNED_OFF = 'it is turned off';

export interface ServiceDeps {
  readonly version: string;
  readonly log: Log;
}

const placeText = (place: ListenAddress) =>
  place.kind === 'unix' ? place.path : `${place.host}:${place.port}`;

/** Where content of a digest is written; with `maxBytes` it is small, and of that size at most. */
const createTargetOf =
  (store: ContentStore, lanes: HashLanes) =>
  (sha256: string, maxBytes?: number): Target =>
    maxBytes === undefined
      ? createFileTarget(store.pendingPath(sha256), { lanes, algorithm: digestOfHex(sha256).algorithm })
      : createSmallFileTarget(store.pendingPath(sha256), maxBytes);

/**
 * What processes without rights share, where there are to be any: its code is loaded only then.
 *
 * @returns the reason, as a clause, where there are none
 * @throws ConfigurationError where none can be had, and some are asked for
 */
async function openSandboxFor(
  { separation, dhcp, ntp }: ServiceSettings,
  state: string,
  log: Log,
): Promise<Sandbox | string> {
  const isRequired = separation === 'required' || dhcp.length > 0 || ntp.length > 0;
  if (separation === 'off' && !isRequired) return TURNED_OFF;
  try {
    const { openSandbox } = await import('./sandbox.ts');
    return await openSandbox(state, log);
  } catch (error) {
    const reason = errorMessage(error);
    if (isRequired)
      throw new ConfigurationError(`no process without rights can be had here: ${reason}`, { cause: error });
    return reason;
  }
}

/** In this process, or in one that holds no rights. */
async function openNetwork(
  settings: ServiceSettings,
  sandbox: Sandbox | string,
  deps: NetworkSideDeps,
): Promise<NetworkSide> {
  if (settings.separation === 'off') return createOwnNetwork(deps, settings, TURNED_OFF);
  const openOwn = (reason: string) => {
    deps.log.warn({ reason }, 'datastores and registries are spoken to by the process of the agent itself');
    return createOwnNetwork(deps, settings, reason);
  };
  if (typeof sandbox === 'string') return openOwn(sandbox);
  const { createSeparateNetwork } = await import('./separate-network.ts');
  return createPreferredNetwork({
    separate: createSeparateNetwork(deps, sandbox, settings),
    openOwn: settings.separation === 'required' ? null : openOwn,
  });
}

async function openDhcp(
  settings: ServiceSettings,
  sandbox: Sandbox | null,
  deps: { readonly state: string; readonly log: Log },
): Promise<DhcpClients | null> {
  if (settings.dhcp.length === 0 || sandbox === null) return null;
  const { openDhcpClients } = await import('./dhcp-clients.ts');
  return await openDhcpClients(settings.dhcp, sandbox, deps);
}

async function openNtp(
  settings: ServiceSettings,
  sandbox: Sandbox | null,
  deps: { readonly findLocal: NetworkSide['findLocal']; readonly log: Log },
): Promise<OpenedNtp | null> {
  if (settings.ntp.length === 0 || sandbox === null) return null;
  const { openNtpClient } = await import('./ntp-client.ts');
  return await openNtpClient(settings.ntp, sandbox, deps);
}

/** The loop over what is wanted and what is there, with this host's files and clocks. */
function composeReconciler(
  settings: ServiceSettings,
  parts: {
    readonly state: string;
    readonly store: ContentStore;
    readonly steps: NetworkSide['steps'];
    readonly log: Log;
  },
  tally: ReturnType<typeof createTally>,
): Reconciler {
  const { state, store, steps, log } = parts;
  const fileOf = <Value>(name: string, schema: z.ZodType<Value>) =>
    createJsonFile(join(state, name), schema, log);
  return createReconciler(
    {
      ...steps,
      store,
      statusFiles: createStatusFiles(join(state, 'status', 'ContentTreeStatus')),
      holdsFile: fileOf('holds.json', z.record(z.string(), z.enum(['paused', 'cancelled']))),
      lastUseFile: fileOf('last-use.json', z.record(z.string(), z.number())),
      retriesFile: fileOf('retries.json', retryRecordsSchema),
      resolutionsFile: fileOf('resolutions.json', z.record(z.string(), imageResolutionSchema)),
      namesFile: fileOf('names.json', z.array(z.string())),
      hashFile: (path, until, algorithm) => hashFile(path, SCRUB_BYTES_PER_SECOND, until, algorithm),
      clock: systemClock,
      wallMs: Date.now,
      random: Math.random,
      tally,
      createId: () => randomUUID().slice(0, 8),
      log,
    },
    {
      allowPlainCredentials: settings.allowPlainCredentials,
      limits: {
        maxDownloads: settings.maxDownloads,
        maxDownloadsPerDatastore: settings.maxDownloadsPerDatastore,
        smallBytes: SMALL_BYTES,
        maxMismatches: MAX_MISMATCHES,
        graceMs: settings.graceMs,
        marginBytes: settings.reserveBytes,
        slowTurnMs: settings.transfer.leastRate.windowMs,
      },
      schedule: { steadyMs: settings.retryMs, slowMs: settings.slowRetryMs },
    },
  );
}

/**
 * Keeps the images of a device as its configuration wants them, until the signal is aborted.
 *
 * @throws ConfigurationError when it cannot start as it is told to
 */
export async function runService(
  settings: ServiceSettings,
  { version, log: plainLog }: ServiceDeps,
  stopSignal: AbortSignal,
): Promise<void> {
  collectEarly();
  const failing = new AbortController();
  const signal = AbortSignal.any([stopSignal, failing.signal]);
  const logStream = createLogStream(plainLog, Date.now);
  const { log } = logStream;
  const tally = createTally();
  const state = resolve(settings.statePath);
  const images = imagesFolderOf(state, settings.imagesPath);
  await prepareFolder('--state', state);
  await prepareFolder('--images', images);
  // Before anything there is read.
  const unlock = await lockFolder(state, 'agent', `another agent runs with the state directory ${state}`);
  const hashLanes = createHashLanes(HASH_LANE_BYTES);
  const store = createContentStore(state, images);
  const opened = await openSandboxFor(settings, state, log);
  const network = await openNetwork(settings, opened, {
    targetOf: createTargetOf(store, hashLanes),
    pathOf: (sha256) => store.pendingPath(sha256),
    log,
  });
  const sandbox = typeof opened === 'string' ? null : opened;
  const reconciler = composeReconciler(settings, { state, store, steps: network.steps, log }, tally);
  const configuration = createConfiguration({
    apply: (config) => reconciler.apply(config),
    file: createJsonFile(join(state, 'device-config.json'), z.unknown(), log, SECRET_MODE),
    wallMs: Date.now,
    log,
  });
  const source = createConfigSource(configuration, settings.configPath);
  const endings: (() => Promise<void>)[] = [];
  let deployments: RunningDeployments | null = null;
  let apps: RunningApps | null = null;
  let dhcp: DhcpClients | null = null;
  let ntp: OpenedNtp | null = null;
  try {
    dhcp = await openDhcp(settings, sandbox, { state, log });
    ntp = await openNtp(settings, sandbox, { findLocal: network.findLocal, log });
    const { places = [{ kind: 'unix' as const, path: join(state, SOCKET_NAME) }], tls } = settings.api;
    const listenDeps = { clock: systemClock, wallMs: Date.now, log };
    const sites = settings.api.hasPage ? openSites() : null;
    const pageRoutes = [
      ...createPageRoutes({ log, loadPage: sites?.page ?? null }),
      ...createManualRoutes({ log, loadManual: sites?.manual ?? null }),
    ];
    if (settings.deployments !== null) {
      const { registries } = settings.deployments;
      const parts = join(dirname(store.pendingPath('of any')), 'pulls');
      const { openImage } = network;
      const pull = createDeploymentPull({ openImage, state, parts, log }, registries);
      deployments = await openDeployments(settings.deployments, { state, parts, log, pull }, signal);
      const listener = createRouter(withDescription([...deployments.routes, ...pageRoutes], version), log);
      const { place } = settings.deployments;
      endings.push(await listen(place, listener, deployments.tls, listenDeps, { takesImages: true }));
      log.info({ file: settings.deployments.file, listen: placeText(place) }, 'deployments are offered');
    }
    if (settings.apps !== null) {
      const { bridges } = settings.discovery;
      apps = await openApps(settings.apps, { state, reconciler, configuration, bridges, log }, signal);
    }
    const routes = createRoutes({
      ...{ reconciler, configuration, logStream, tally, version },
      listInstances: () => readNetworkInstances(),
      configSource: source.path,
      apps: apps?.apps ?? null,
      readServing: deployments?.readServing ?? null,
      processes: () => [
        ...network.processes(),
        ...(dhcp?.processes() ?? []),
        ...[ntp?.calfStatus() ?? null].filter((status) => status !== null),
      ],
      separation: () => network.separation(),
      auditHead: () => sandbox?.audit.head() ?? null,
      listDhcp: () => dhcp?.statuses() ?? [],
      readNtp: () => ntp?.status() ?? null,
    });
    const appRoutes = createAppRoutes({ apps: apps?.apps ?? null, access: apps?.access ?? null, log });
    const deploymentRoutes =
      deployments?.routes ?? createDeploymentRoutes({ deployments: null, clock: systemClock, log });
    // Who may come in over TCP is said by another authority than that of the deployments.
    const here = [...routes, ...appRoutes, ...pageRoutes];
    const remote = createRouter(withDescription(here, version), log);
    const local = createRouter(withDescription([...here, ...deploymentRoutes], version), log);
    for (const place of places) {
      const listener = place.kind === 'unix' ? local : remote;
      // A console is open for as long as somebody looks at it.
      const takesImages = place.kind === 'unix' || apps !== null;
      endings.push(await listen(place, listener, tls, listenDeps, { takesImages }));
    }
    await reconciler.open();
    const running = [
      ...(deployments === null ? [] : [deployments.run()]),
      ...(apps === null ? [] : [apps.run()]),
      reconciler.run(signal),
      network.run(
        {
          hosts: () => reconciler.waitedHosts(),
          onSeen: (host, hasJustAsked) => reconciler.wakeHost(host, hasJustAsked),
        },
        signal,
      ),
    ];
    if (settings.scrubMs > 0) {
      const file = createJsonFile(join(state, 'scrub.json'), scrubTimeSchema, log);
      const scrub = (until: AbortSignal) => reconciler.scrub(until);
      running.push(
        runScrubs({ scrub, file, clock: systemClock, wallMs: Date.now }, settings.scrubMs, signal),
      );
    }
    running.push(source.follow(systemClock, signal));
    log.info({ state, config: settings.configPath }, 'running');
    await runTogether(running, () => failing.abort());
  } finally {
    for (const end of endings) await end();
    await ntp?.stop();
    await dhcp?.close();
    await sandbox?.audit.close();
    deployments?.close();
    apps?.close();
    hashLanes.close();
    unlock();
  }
  log.info({}, 'stopped');
}
