// SPDX-License-Identifier: Apache-2.0
import { setTimeout as wait } from 'node:timers/promises';
import type { EngineAddress } from '@local-datastore/shared/engine/engine-address';
import { ConfigurationError } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { systemClock } from '@local-datastore/shared/system-clock';
import { jsonText } from '@local-datastore/shared/text/json-text';
import { Command } from 'commander';
import * as z from 'zod';
import {
  addConfigurableOptions,
  bridgeOption,
  configOption,
  type DiscoveryOptions,
  discoveryOf,
  jsonOption,
  logLevelOption,
  timeoutOption,
} from '../config.ts';
import { describePortHolder } from '../discovery/port-holder.ts';
import { createEveLookup } from '../doctor/as-eve/lookup.ts';
import { createEveReplay } from '../doctor/as-eve/replay.ts';
import { createEveTransfer } from '../doctor/as-eve/transfer.ts';
import { createDoctor, type Diagnosis } from '../doctor/diagnose.ts';
import type { DoctorRequest } from '../doctor/gather-evidence.ts';
import { probeConnection, probeTls } from '../doctor/probes/connect.ts';
import { exchange } from '../doctor/probes/exchange.ts';
import { readSystemLinks, readSystemNeighbours } from '../doctor/probes/links.ts';
import { createListen } from '../doctor/probes/listen.ts';
import { diagnosisDocument, diagnosisText } from '../doctor/report.ts';
import { openBridgeSockets } from '../network/bridge-sockets.ts';
import { systemPortHolderSources } from '../network/port-holder-sources.ts';
import { isImageReference, parseRegistryImage } from '../registry/image-reference.ts';
import { examineAppsHere, requestOf } from '../service/examine-apps-here.ts';
import { examineHostHere } from '../service/examine-host-here.ts';
import { readCa } from '../service/registry-files.ts';
import { createSystemLocator, selectSystemBridges } from '../service/system-discovery.ts';
import { createSystemWay } from '../service/system-way.ts';
import { engineOption } from './agent-options.ts';
import type { CommandContext } from './command-context.ts';
import {
  authorizationOf,
  type ContainerOptions,
  platformOptions,
  platformWish,
  refuseFileOptions,
  schemeOf,
} from './container-options.ts';
import { EndWithExitCode } from './exit-code.ts';
import { type ImageOptions, imageOptions } from './image-options.ts';
import { type SeparationOptions, separationOf, separationOptions } from './separation-options.ts';

interface DoctorOptions
  extends DiscoveryOptions,
    ImageOptions,
    SeparationOptions,
    Omit<ContainerOptions, 'form'> {
  readonly asEve?: true;
  readonly full?: true;
  readonly apps?: string;
  readonly engine: EngineAddress;
}

const OPTIONS = [
  {
    flags: '--as-eve',
    description: 'replay what a stock EVE device does, and judge for it; takes up to 30 s',
    schema: z.boolean(),
  },
  { flags: '--full', description: 'read the whole file, for its digest', schema: z.boolean() },
  {
    flags: '--apps <file>',
    description: 'judge the apps of a device configuration, a file or a folder, in place of a datastore',
    schema: z.string(),
  },
  engineOption,
  ...separationOptions(
    'of this host: as a service that is started with it, which does not go without a process of its own',
    'of this host: as a service that is started with it, which is one process',
  ),
  ...imageOptions,
  ...platformOptions,
  bridgeOption,
  timeoutOption(3, 'how long to listen to multicast DNS'),
  jsonOption,
  logLevelOption,
  configOption,
];

/** How long a silent neighbour has for a connection. */
const NEIGHBOUR_TIMEOUT_MS = 1000;

const HELP = `
Without a URL it judges this host itself, for a service that the same user starts: whether a process of its own
can speak to the network, and what confines that. It asks nobody.

Exit code 0: the datastore can be used; 2: the URL or this host's bridges are not right; 3: it is not found;
4: no file comes from it; 5: the file is another one. With --as-eve the same for a stock EVE device. With --apps the
same of the first app that cannot be launched; 2 where the app or this host is the reason. Without a URL 0, or 2 where
the service would not start.`;

function createSystemDoctor(options: DiscoveryOptions, log: Log, signal: AbortSignal) {
  const openSockets = openBridgeSockets;
  return createDoctor({
    selectBridges: selectSystemBridges,
    readLinks: readSystemLinks,
    listen: createListen({
      openSockets,
      clock: systemClock,
      describePortHolder: (refusal) => describePortHolder(refusal, systemPortHolderSources),
      readNeighbours: readSystemNeighbours,
      canConnect: async ({ address: sourceAddress }, host, port) => {
        const place = { host, port, sourceAddress, timeoutMs: NEIGHBOUR_TIMEOUT_MS, signal };
        return (await probeConnection(place)).kind === 'open';
      },
    }),
    probeConnection,
    probeTls,
    ...createSystemWay(createSystemLocator(log), discoveryOf(options)),
    delay: (delayMs, until) => wait(delayMs, undefined, { signal: until }),
    replayEve: createEveReplay({
      lookUp: createEveLookup({ openSockets, clock: systemClock, random: Math.random }),
      transfer: createEveTransfer(exchange),
    }),
    now: Date.now,
    clock: systemClock,
  });
}

/** What is to be examined: a file by its URL, or an image, whose registry is found as a file's datastore is. */
function subjectOf(
  text: string,
  options: DoctorOptions,
): Pick<DoctorRequest, 'url' | 'image' | 'authorization'> {
  if (!isImageReference(text)) return { url: text, image: null, authorization: options.auth ?? null };
  if (options.asEve === true) {
    throw new ConfigurationError(
      '--as-eve: stock EVE pulls from no registry on .local, so there is nothing to replay',
    );
  }
  refuseFileOptions(options);
  const image = parseRegistryImage(text, schemeOf(options));
  return {
    url: new URL('/v2/', image.registry).href,
    image: { image, wish: platformWish(options) },
    authorization: authorizationOf(options, image),
  };
}

/** `eve-agent doctor`. */
export function doctorCommand({ stdout, signal, createLog }: CommandContext): Command {
  const command = new Command('doctor')
    .summary('explain why a datastore can or cannot be used, or what this host gives')
    .description(
      'Probes a datastore step by step, from the URL to the bytes, and says what is wrong (!) and what to try ' +
        'next (>). Stores nothing.',
    )
    .argument('[url]', 'such as http://ds.local/image.qcow2 or docker://ds.local/group/app:1')
    .addHelpText('after', HELP);
  return addConfigurableOptions(command, OPTIONS).action(async (text: string | undefined) => {
    const options = command.opts<DoctorOptions>();
    const log = createLog(options.logLevel);
    const examine = createSystemDoctor(options, log, signal);
    const common = {
      ...{ bridges: options.bridge ?? [], listenMs: options.timeout * 1000, signal },
      ...{ isFull: options.full === true, asEve: options.asEve === true },
    };
    if (text !== undefined && options.apps !== undefined) {
      throw new ConfigurationError(
        'either the URL of a datastore is expected, or a configuration with --apps',
      );
    }
    let diagnosis: Diagnosis;
    if (options.apps !== undefined) {
      diagnosis = await examineAppsHere(options.apps, {
        ...{ engine: options.engine, bridges: common.bridges, signal },
        examineSource: (source, tree) =>
          examine({
            ...common,
            ...requestOf(source, tree, platformWish(options)),
            isFull: false,
            asEve: false,
          }),
      });
    } else if (text !== undefined) {
      diagnosis = await examine({
        ...common,
        ...subjectOf(text, options),
        sha256: options.sha256 ?? null,
        sizeBytes: options.size ?? null,
        ca: options.ca === undefined ? null : readCa(options.ca),
      });
    } else {
      diagnosis = await examineHostHere(separationOf(options), { log, signal });
    }
    stdout.write(options.json === true ? jsonText(diagnosisDocument(diagnosis)) : diagnosisText(diagnosis));
    if (!diagnosis.isUsable) throw new EndWithExitCode(diagnosis.exitCode);
  });
}
