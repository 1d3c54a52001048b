// SPDX-License-Identifier: Apache-2.0
/** The agent's API and page over engines that are tables, on a Unix socket that is forwarded, as by `ssh -L`. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContentTreeStatus } from '@local-datastore/shared/eve/content-tree-status';
import { silentLog } from '@local-datastore/shared/log';
import { systemClock } from '@local-datastore/shared/system-clock';
import * as z from 'zod';
import { createAppRoutes } from '../../eve-agent/src/api/app-routes.ts';
import { createDeploymentRoutes } from '../../eve-agent/src/api/deployment-routes.ts';
import { listen } from '../../eve-agent/src/api/listen.ts';
import { createLogStream } from '../../eve-agent/src/api/log-stream.ts';
import { createManualRoutes } from '../../eve-agent/src/api/manual-routes.ts';
import { createPageRoutes } from '../../eve-agent/src/api/page-routes.ts';
import { createRouter, type Route } from '../../eve-agent/src/api/router.ts';
import { createRoutes, withDescription } from '../../eve-agent/src/api/routes.ts';
import { createConfiguration } from '../../eve-agent/src/configuration/configuration.ts';
import { createJsonFile } from '../../eve-agent/src/content/json-file.ts';
import { appOf, createAppsScene, programOf } from '../../eve-agent/src/launch/apps/testing/apps-scene.ts';
import { createScriptedDeployments } from '../../eve-agent/src/launch/deployments/testing/scripted-deployments.ts';
import type { Reconciler } from '../../eve-agent/src/reconcile/reconciler.ts';
import { createTally } from '../../eve-agent/src/reconcile/tally.ts';
import {
  datastoreIdOf,
  datastoreOf,
  sha256Of,
  treeOf,
  uuidOf,
} from '../../eve-agent/src/reconcile/test-fixtures.ts';
import { openSites } from '../../eve-agent/src/web/open-sites.ts';

const NO_TLS = { certificate: undefined, key: undefined, clientCa: undefined };
const LONG = 'a-long-name-'.repeat(8);

function treeStatus(number: number, more: Partial<ContentTreeStatus>): ContentTreeStatus {
  return {
    ...{ ContentID: uuidOf(number), DisplayName: `image-${number}`, DatastoreIDList: [datastoreIdOf(1)] },
    ...{ DatastoreID: datastoreIdOf(1), RelativeURL: `file-${number}`, Format: 'RAW' },
    ...{ ContentSha256: sha256Of(`${number}`), MaxDownloadSize: 4_000_000, GenerationCounter: 0 },
    ...{ State: 'VERIFIED', Progress: 100, CurrentSize: 4_000_000, TotalSize: 4_000_000, ReservedSpace: 0 },
    ...{ FileLocation: '/images/x', RefCount: 1, LastUse: '', RetryCount: 0, Error: '', ErrorTime: '' },
    ...{
      ErrorSeverity: 'SEVERITY_UNSPECIFIED',
      ErrorRetryCondition: '',
      ErrorCode: '',
      Hold: 'none',
      DownloadID: '',
    },
    ...more,
  };
}

const TREES = [
  treeStatus(1, {}),
  treeStatus(2, { State: 'DOWNLOADING', Progress: 40, CurrentSize: 1_600_000, DisplayName: LONG }),
  treeStatus(3, {
    ...{
      State: 'INITIAL',
      Progress: 0,
      CurrentSize: 0,
      TotalSize: 0,
      RetryCount: 3,
      ErrorCode: 'HTTP_STATUS',
    },
    ...{ Error: 'the datastore answers 404', ErrorRetryCondition: 'tried again at 12:00' },
  }),
  treeStatus(4, { State: 'DOWNLOADING', Progress: 10, Hold: 'paused' }),
];

export interface AgentUnderTest {
  /** As a person sees it who forwards the socket. */
  readonly origin: string;
  readonly scene: ReturnType<typeof createAppsScene>;
  readonly scripted: ReturnType<typeof createScriptedDeployments>;
  /** What was asked of content trees, as `retry UUID`. */
  readonly acted: readonly string[];
  /** Nothing answers any more, as if the agent were gone. */
  cutOff(): void;
  stop(): Promise<void>;
}

/** What listens on a free port, and leads each connection to a socket. */
async function forward(path: string) {
  const open = new Set<Socket>();
  const server = createServer((from) => {
    const to = connect({ path });
    for (const socket of [from, to]) {
      open.add(socket);
      // Whoever breaks off takes the other side along.
      socket.on('error', () => {});
      socket.once('close', () => {
        open.delete(socket);
        from.destroy();
        to.destroy();
      });
    }
    from.pipe(to);
    to.pipe(from);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

function statusRoutes(folder: string, scene: AgentUnderTest['scene'], acted: string[]): readonly Route[] {
  const configuration = createConfiguration({
    apply: () => ['the bridge bn9 is not there'],
    file: createJsonFile(join(folder, 'last.json'), z.unknown(), silentLog),
    wallMs: Date.now,
    log: silentLog,
  });
  configuration.offer(
    [{ name: '', document: { datastores: [datastoreOf(1)], contentInfo: [treeOf(1)] } }],
    'api',
  );
  const reconciler = {
    statuses: () => TREES,
    status: (uuid: string) => TREES.find(({ ContentID }) => ContentID === uuid) ?? null,
    act(uuid: string, action: string) {
      acted.push(`${action} ${uuid}`);
      return 'done';
    },
    onEvent: () => () => {},
  } as unknown as Reconciler;
  return createRoutes({
    ...{ reconciler, configuration, logStream: createLogStream(silentLog, Date.now), tally: createTally() },
    ...{ configSource: () => '/etc/device.json', version: '1.2.3', listInstances: () => [] },
    processes: () => [],
    separation: () => ({ state: 'off', reason: 'it is turned off' }),
    ...{ listDhcp: () => [], readNtp: () => null, auditHead: () => null },
    apps: scene.apps,
    readServing: null,
  });
}

/** @param options.offers what stands at its address: all, as on the socket, or what one of the TCP listeners has */
export async function startAgent(
  options: { readonly offers?: 'all' | 'status' | 'deployments' } = {},
): Promise<AgentUnderTest> {
  const { offers = 'all' } = options;
  const folder = await mkdtemp(join(tmpdir(), 'agent-page-'));
  const path = join(folder, 'agent.sock');
  const acted: string[] = [];
  const scene = createAppsScene();
  scene.start();
  scene.configure(
    (n) => (n === 2 ? 'vm' : 'container'),
    [
      appOf(1, programOf('container', { out: ['ready', '\u001b[32mserving\u001b[0m'] })),
      appOf(2, programOf('vm', { out: ['Booting Linux', 'login: '] })),
      appOf(3, { activate: false }),
    ],
  );
  scene.verified(1, 'one');
  scene.verified(2, 'two');
  const scripted = createScriptedDeployments(folder, {
    deployments: [{ name: 'web' }, { name: 'db', args: ['--privileged'] }, { name: LONG.slice(0, 60) }],
  });
  const appRoutes = createAppRoutes({ apps: scene.apps, access: scene.access, log: silentLog });
  const deploymentRoutes = createDeploymentRoutes({
    ...{ deployments: scripted.deployments, clock: systemClock, log: silentLog },
  });
  const sites = openSites();
  const routes = [
    ...(offers === 'deployments' ? [] : [...statusRoutes(folder, scene, acted), ...appRoutes]),
    ...(offers === 'status' ? [] : deploymentRoutes),
    ...createPageRoutes({ log: silentLog, loadPage: sites.page }),
    ...createManualRoutes({ log: silentLog, loadManual: sites.manual }),
  ];
  const end = await listen(
    { kind: 'unix', path },
    createRouter(withDescription(routes, '1.2.3'), silentLog),
    NO_TLS,
    { clock: systemClock, wallMs: Date.now, log: silentLog },
    { takesImages: true },
  );
  const forwarded = await forward(path);
  return {
    origin: `http://127.0.0.1:${forwarded.port}`,
    ...{ scene, scripted, acted },
    cutOff: forwarded.close,
    async stop() {
      forwarded.close();
      await end();
      await scene.end();
      await rm(folder, { recursive: true });
    },
  };
}
