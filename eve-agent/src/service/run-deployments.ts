// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import type { Log } from '@local-datastore/shared/log';
import { systemClock } from '@local-datastore/shared/system-clock';
import { createDeploymentRoutes } from '../api/deployment-routes.ts';
import type { ListenAddress } from '../api/listen.ts';
import type { Route } from '../api/router.ts';
import type { TlsFiles } from '../api/server-tls.ts';
import { createAuditLog } from '../launch/deployments/audit-log.ts';
import type { ImageSource } from '../launch/deployments/carry-out-operation.ts';
import { openConfigurationSource } from '../launch/deployments/configuration-source.ts';
import { createDeployments } from '../launch/deployments/create-deployments.ts';
import { createDesiredStates } from '../launch/deployments/desired-state.ts';
import { createHistory } from '../launch/deployments/history.ts';
import { createJsonLinesFile } from '../launch/deployments/json-lines-file.ts';
import { prepareContainer } from '../launch/deployments/prepare-container.ts';
import { readServing } from '../launch/deployments/read-serving.ts';
import { createRunningOperations } from '../launch/deployments/running-operations.ts';
import { removeStrayParts } from './deployment-pull.ts';
import { createImageLoader } from './engine-images.ts';
import { openContainers } from './open-switch.ts';
import type { RegistryFiles } from './registry-files.ts';

/** What a service is told of deployments. */
export interface DeploymentsSettings {
  /** ed-daemon's `config.json`. */
  readonly file: string;
  readonly place: ListenAddress;
  readonly registries: RegistryFiles;
}

/** Deployments that are offered. */
export interface RunningDeployments {
  readonly routes: readonly Route[];
  readonly tls: TlsFiles;
  /** Whether each deployment serves, by name. @throws EngineError; the signal's reason */
  readServing(signal: AbortSignal): Promise<ReadonlyMap<string, boolean>>;
  /** Until the signal is aborted. */
  run(): Promise<void>;
  close(): void;
}

const AUDIT_LOG = { maxBytes: 8 * 1024 * 1024, keptFiles: 3 };

/**
 * Opens the deployments of a file.
 *
 * @param deps.state the folder of the service @param deps.parts what has come of images that are pulled
 * @param deps.pull as {@link ImageSource}
 * @throws ConfigurationError when the file cannot be used
 */
export async function openDeployments(
  { file }: Pick<DeploymentsSettings, 'file'>,
  deps: {
    readonly state: string;
    readonly parts: string;
    readonly log: Log;
    readonly pull: ImageSource['pull'];
  },
  signal: AbortSignal,
): Promise<RunningDeployments> {
  const { log } = deps;
  const clock = systemClock;
  const wallMs = Date.now;
  const configuration = await openConfigurationSource(file, { clock, wallMs, log });
  const { engine: address, prefix, tls } = configuration.current();
  await removeStrayParts(deps.parts, new Set(configuration.current().deployments.keys()));
  const running = createRunningOperations(wallMs);
  const containers = await openContainers(
    address,
    { prefix, log, mayTidy: (name) => running.of(name) === null },
    signal,
  );
  const { client, engine, switcher } = containers;
  const folder = join(deps.state, 'launch');
  if (!containers.leadsPorts) {
    log.info({}, 'ports cannot be led elsewhere here: a new version has them after the old one has ended');
  }
  const deployments = createDeployments({
    ...{ configuration, client, engine, switcher, clock, wallMs, log, ending: signal },
    images: { ...createImageLoader(client, address.kind === 'unix'), pull: deps.pull },
    prepare: (settings) =>
      prepareContainer(settings, { address, apiVersion: () => client.apiVersion(signal) }),
    audit: createAuditLog({ file: createJsonLinesFile(join(folder, 'audit.jsonl'), AUDIT_LOG), wallMs, log }),
    history: createHistory(folder),
    desired: createDesiredStates(folder),
    running,
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
    readServing: (until) =>
      readServing(client, prefix, [...configuration.current().deployments.keys()], until),
    async run() {
      await Promise.all([configuration.follow(signal), containers.keepConverged()]);
    },
    close: containers.close,
  };
}
