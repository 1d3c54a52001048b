// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { waitUnlessAborted } from '@local-datastore/shared/clock';
import type { EngineAddress } from '@local-datastore/shared/engine/engine-address';
import { appSwitchSchema } from '@local-datastore/shared/eve/app-instance-status';
import type { Log } from '@local-datastore/shared/log';
import { systemClock } from '@local-datastore/shared/system-clock';
import * as z from 'zod';
import type { Configuration } from '../configuration/configuration.ts';
import { createJsonFile } from '../content/json-file.ts';
import { readLayoutArchive } from '../content/layout-archive.ts';
import { type AppAccess, createAppAccess } from '../launch/apps/app-access.ts';
import { type AppIntent, planApps } from '../launch/apps/app-intent.ts';
import { appMemoriesSchema } from '../launch/apps/app-memory.ts';
import { createAppNetworks } from '../launch/apps/app-networks.ts';
import { APP_OWNER } from '../launch/apps/app-settings.ts';
import { type Apps, createApps } from '../launch/apps/apps.ts';
import { createContainerWay } from '../launch/apps/container-way.ts';
import { prepareContainer } from '../launch/deployments/prepare-container.ts';
import type { Reconciler } from '../reconcile/reconciler.ts';
import { listAppBridges } from './app-bridges.ts';
import { readBootId } from './boot-id.ts';
import { createImageLoader } from './engine-images.ts';
import { openMachines } from './open-machines.ts';
import { openContainers } from './open-switch.ts';
import { selectSystemBridges } from './system-discovery.ts';

/** What a service is told of applications. */
export interface AppsSettings {
  readonly engine: EngineAddress;
}

/** Applications that are looked after. */
export interface RunningApps {
  readonly apps: Apps;
  readonly access: AppAccess;
  /** Until the signal is aborted. */
  run(): Promise<void>;
  close(): void;
}

/** Begins the names of what belongs to apps at the engine. */
const PREFIX = 'eve_';
const BRIDGE_LOOK_MS = 2000;
const MAX_IMAGE_BYTES = 64 * 1024 ** 3;

const bootSchema = z.object({ bootId: z.string() });

/** Whether this is the first start of apps since the machine booted; it is noted that they were. */
function noteBoot(folder: string, log: Log): boolean {
  const file = createJsonFile(join(folder, 'boot.json'), bootSchema, log);
  const bootId = readBootId();
  const isFresh = file.read()?.bootId !== bootId;
  if (isFresh) file.write({ bootId });
  return isFresh;
}

/** Tells when a bridge has come, gone, or has another address. */
async function followBridges(
  names: readonly string[],
  onChange: () => void,
  signal: AbortSignal,
): Promise<void> {
  const look = () => {
    try {
      return selectSystemBridges(names)
        .map(({ name, cidr }) => `${name} ${cidr}`)
        .join('\n');
    } catch {
      // Of a host without any.
      return '';
    }
  };
  let before = look();
  while (!signal.aborted) {
    await waitUnlessAborted(systemClock, BRIDGE_LOOK_MS, signal);
    const now = look();
    if (now !== before && !signal.aborted) onChange();
    before = now;
  }
}

/** Opens the applications of the configuration. @throws ConfigurationError when another agent has them */
export async function openApps(
  { engine: address }: AppsSettings,
  deps: {
    readonly state: string;
    readonly reconciler: Reconciler;
    readonly configuration: Configuration;
    /** As in discovery. */
    readonly bridges: readonly string[];
    readonly log: Log;
  },
  signal: AbortSignal,
): Promise<RunningApps> {
  const { reconciler, configuration, log } = deps;
  const clock = systemClock;
  const wallMs = Date.now;
  const containers = await openContainers(address, { prefix: PREFIX, log }, signal);
  const { client, engine, switcher } = containers;
  const folder = join(deps.state, 'apps');
  const images = createImageLoader(client, address.kind === 'unix');
  const intents = (): readonly AppIntent[] | null => {
    if (configuration.status().appliedAt === null) return null;
    try {
      return planApps(configuration.current(), listAppBridges(deps.bridges));
    } catch (error) {
      // Of a host without any bridge: an app says which one it lacks.
      log.debug({ reason: String(error) }, 'no bridge was found for apps');
      return planApps(configuration.current(), []);
    }
  };
  const container = createContainerWay({
    ...{ engine, switcher },
    readImage: readLayoutArchive,
    loadImage: (source, app, until) =>
      images.load(source, { repository: PREFIX + app, maxBytes: MAX_IMAGE_BYTES }, until),
    prepare: (settings) =>
      prepareContainer(settings, { address, apiVersion: () => client.apiVersion(signal) }, APP_OWNER),
    networks: createAppNetworks(client, log),
  });
  const machines = await openMachines(join(deps.state, 'machines'), { prefix: PREFIX, log }, signal);
  const ways = { container, vm: machines?.way ?? null };
  const apps = createApps({
    ...{ intents, clock, wallMs, log },
    ways,
    treeStatus: (uuid) => reconciler.status(uuid),
    memory: createJsonFile(join(folder, 'apps.json'), appMemoriesSchema, log),
    switches: createJsonFile(join(folder, 'switches.json'), z.record(z.string(), appSwitchSchema), log),
    isFreshBoot: noteBoot(folder, log),
  });
  return {
    apps,
    access: createAppAccess({ intents, ways }),
    async run() {
      const states = new Map<string, string>();
      const unsubscribe = [
        configuration.onChange(() => apps.wake()),
        reconciler.onEvent((event) => {
          if (event.kind !== 'status') return;
          const { ContentID, State } = event.status;
          // Its progress makes no difference.
          if (states.get(ContentID) !== State) apps.wake();
          states.set(ContentID, State);
        }),
      ];
      const wake = () => apps.wake();
      await Promise.all([
        apps.run(signal),
        containers.keepConverged(wake),
        machines?.run(wake),
        followBridges(deps.bridges, wake, signal),
      ]);
      for (const end of unsubscribe) end();
    },
    close: containers.close,
  };
}
