import { join } from 'node:path';
import { engineAddressText } from '@local-datastore/shared/engine/engine-address';
import { createEngineClient } from '@local-datastore/shared/engine/engine-client';
import type { Log } from '@local-datastore/shared/log';
import { systemClock } from '@local-datastore/shared/system-clock';
import { createDeploymentRoutes } from '../api/deployment-routes.ts';
import type { ListenAddress } from '../api/listen.ts';
import type { Route } from '../api/router.ts';
import type { TlsFiles } from '../api/server-tls.ts';
import { createAuditLog } from '../launch/deployments/audit-log.ts';
import { openConfigurationSource } from '../launch/deployments/configuration-source.ts';
import { createDeployments, type ImageSource } from '../launch/deployments/create-deployments.ts';
import { createDesiredStates } from '../launch/deployments/desired-state.ts';
import { createHistory } from '../launch/deployments/history.ts';
import { createJsonLinesFile } from '../launch/deployments/json-lines-file.ts';
import { prepareContainer } from '../launch/deployments/prepare-container.ts';
import { createRunningOperations } from '../launch/deployments/running-operations.ts';
import { openContainerEngine } from '../launch/engine/open-container-engine.ts';
import { findPortRule } from '../launch/switch/find-port-rule.ts';
import { keepConverged } from '../launch/switch/keep-converged.ts';
import { systemProbes } from '../launch/switch/probe.ts';
import { createSwitch } from '../launch/switch/switch.ts';
import { createImageLoader, lockContainers } from './engine-images.ts';

/** What a service is told of deployments. */
export interface DeploymentsSettings {
  /** ed-daemon's `config.json`. */
  readonly file: string;
  readonly place: ListenAddress;
}

/** Deployments that are offered. */
export interface RunningDeployments {
  readonly routes: readonly Route[];
  readonly tls: TlsFiles;
  /** Until the signal is aborted. */
  run(): Promise<void>;
  close(): void;
}

const AUDIT_LOG = { maxBytes: 8 * 1024 * 1024, keptFiles: 3 };
const ENGINE_WAIT_MS = 30_000;
const DRAIN_MS = 2000;
const LOOK_INTERVAL_MS = 2000;

/**
 * Opens the deployments of a file.
 *
 * @param deps.state the folder of the service @param deps.pull as {@link ImageSource}
 * @throws ConfigurationError when the file cannot be used
 */
export async function openDeployments(
  { file }: DeploymentsSettings,
  deps: { readonly state: string; readonly log: Log; readonly pull: ImageSource['pull'] },
  signal: AbortSignal,
): Promise<RunningDeployments> {
  const { log } = deps;
  const clock = systemClock;
  const wallMs = Date.now;
  const configuration = await openConfigurationSource(file, { clock, wallMs, log });
  const { engine: address, prefix, tls } = configuration.current();
  const unlock = await lockContainers(engineAddressText(address), prefix);
  const folder = join(deps.state, 'launch');
  const client = createEngineClient(address);
  const engine = openContainerEngine(client);
  const portRule = await findPortRule(signal);
  if (portRule === null) {
    log.info({}, 'ports cannot be led elsewhere here: a new version has them after the old one has ended');
  }
  const switcher = createSwitch(
    { engine, portRule, probes: systemProbes, clock, wallMs, log, ending: signal },
    { prefix, engineWaitMs: ENGINE_WAIT_MS, drainMs: DRAIN_MS },
  );
  const deployments = createDeployments({
    ...{ configuration, client, engine, switcher, clock, wallMs, log, ending: signal },
    images: { ...createImageLoader(client, address.kind === 'unix'), pull: deps.pull },
    prepare: (settings) =>
      prepareContainer(settings, { address, apiVersion: () => client.apiVersion(signal) }),
    audit: createAuditLog({ file: createJsonLinesFile(join(folder, 'audit.jsonl'), AUDIT_LOG), wallMs, log }),
    history: createHistory(folder),
    desired: createDesiredStates(folder),
    running: createRunningOperations(wallMs),
  });
  return {
    routes: createDeploymentRoutes({ deployments, clock, log }),
    tls: {
      ...tls,
      settings: {
        certificate: 'tls_certs',
        key: 'tls_key',
        clientCa: 'mutual_tls_ca_certs',
        clientCrl: 'clientCrl',
      },
    },
    async run() {
      const options = { lookIntervalMs: LOOK_INTERVAL_MS };
      await Promise.all([
        configuration.follow(signal),
        keepConverged({ engine, versions: switcher, clock, log }, options, signal),
      ]);
    },
    close: unlock,
  };
}
