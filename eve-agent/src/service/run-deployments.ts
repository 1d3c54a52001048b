import { createHash } from 'node:crypto';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { engineAddressText } from '@local-datastore/shared/engine/engine-address';
import { createEngineClient, type EngineClient } from '@local-datastore/shared/engine/engine-client';
import { ConfigurationError } from '@local-datastore/shared/errors';
import { lockExclusively } from '@local-datastore/shared/files/exclusive-lock';
import type { Log } from '@local-datastore/shared/log';
import { formatDigest } from '@local-datastore/shared/oci/digest';
import { systemClock } from '@local-datastore/shared/system-clock';
import * as z from 'zod';
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
import { loadImage } from '../launch/engine/load-image.ts';
import { openContainerEngine } from '../launch/engine/open-container-engine.ts';
import { findPortRule } from '../launch/switch/find-port-rule.ts';
import { keepConverged } from '../launch/switch/keep-converged.ts';
import { systemProbes } from '../launch/switch/probe.ts';
import { createSwitch } from '../launch/switch/switch.ts';

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
const PLATFORM_LIMIT_MS = 10_000;

const versionSchema = z.object({ Os: z.string(), Arch: z.string() });
const infoSchema = z.object({ DockerRootDir: z.string().optional() });

/** What the disk of the engine has room for; undefined: it is another machine's, or cannot be seen. */
async function freeBytesOf(client: EngineClient, isLocal: boolean, signal: AbortSignal) {
  if (!isLocal) return undefined;
  const { DockerRootDir } = infoSchema.parse(await client.ask('GET', '/info', { signal }));
  if (DockerRootDir === undefined) return undefined;
  try {
    const { bavail, bsize } = await statfs(DockerRootDir);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

/** Images for an engine, in its own terms. */
function createImageSource(client: EngineClient, isLocal: boolean, pull: ImageSource['pull']): ImageSource {
  return {
    async load(source, { repository, maxBytes }, signal) {
      const limited = AbortSignal.any([signal, AbortSignal.timeout(PLATFORM_LIMIT_MS)]);
      const { Os, Arch } = versionSchema.parse(await client.ask('GET', '/version', { signal: limited }));
      const loaded = await loadImage(client, source, {
        ...{ repository, maxBytes, signal },
        platform: { os: Os, architecture: Arch },
        freeBytes: await freeBytesOf(client, isLocal, limited),
      });
      const { id, tag, sizeBytes } = loaded;
      return { id, tag, sizeBytes, configDigest: formatDigest(loaded.configDigest) };
    },
    pull,
  };
}

/** Two agents that change the same containers would undo what the other does. @throws ConfigurationError */
async function lockContainers(place: string, prefix: string): Promise<() => void> {
  const key = createHash('sha256').update(`${place}\n${prefix}`).digest('hex');
  const release = await lockExclusively(`eve-agent/launch/${key}`);
  if (release !== null) return release;
  throw new ConfigurationError(
    `another agent has the deployments of the engine at ${place} whose names begin with "${prefix}"`,
  );
}

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
    images: createImageSource(client, address.kind === 'unix', deps.pull),
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
