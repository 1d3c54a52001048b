// SPDX-License-Identifier: Apache-2.0
import { resolve } from 'node:path';
import { byteSize } from '@local-datastore/shared/command-line/byte-size';
import { EXIT_CODES } from '@local-datastore/shared/command-line/exit-codes';
import type { OptionDescription } from '@local-datastore/shared/command-line/options';
import { SERVICES } from '@local-datastore/shared/dns-sd/service-types';
import { systemClock } from '@local-datastore/shared/system-clock';
import { sizeText } from '@local-datastore/shared/text/quantities';
import { Command } from 'commander';
import * as z from 'zod';
import { type ListenAddress, parseListenAddress } from '../api/listen.ts';
import {
  addConfigurableOptions,
  bridgeOption,
  configOption,
  type DiscoveryOptions,
  logLevelOption,
  timeoutOption,
} from '../config.ts';
import type { ScrubResult } from '../content/checked-blobs.ts';
import { createBrowse } from '../discovery/browse.ts';
import { CLIENTS, type Client, clientConfig } from '../mirror/client-config.ts';
import { ANY_CHOICES, type AnyChoice } from '../mirror/places.ts';
import { readCa, watchRegistryAuth } from '../service/registry-files.ts';
import { runMirror, verifyMirror } from '../service/run-mirror.ts';
import { createSystemOpenQuerier, selectSystemBridges } from '../service/system-discovery.ts';
import { scrubIntervalOption } from './agent-options.ts';
import type { CommandContext } from './command-context.ts';
import { downloadMeans } from './download-means.ts';
import { EndWithExitCode } from './exit-code.ts';
import { imageOptions } from './image-options.ts';
import { type RegistryAuthOptions, registryAuthOption } from './registry-auth.ts';
import { type TransferOptions, transferOptions } from './transfer-options.ts';

interface MirrorOptions extends DiscoveryOptions, TransferOptions, RegistryAuthOptions {
  readonly listen: Extract<ListenAddress, { kind: 'tcp' }>;
  readonly cache: string;
  readonly cacheSize: number;
  readonly reserve: number;
  readonly any: AnyChoice;
  readonly scrubInterval: number;
  readonly ca?: string;
  readonly verify?: true;
  readonly printConfig?: Client;
}

/** A try that fails is told to the client, which tries again by itself. */
const RETRIES = 2;
/** How long datastores are listened for that no name names. */
const BROWSE_MS = 1500;

const OPTIONS: readonly OptionDescription[] = [
  {
    flags: '--listen <place>',
    description: 'ADDRESS:PORT at which it is offered',
    environment: 'EVE_AGENT_MIRROR_LISTEN',
    schema: z.string().transform((text, context) => {
      const place = parseListenAddress(text);
      if (place.kind === 'tcp') return place;
      context.addIssue('ADDRESS:PORT expected');
      return z.NEVER;
    }),
    default: { kind: 'tcp', host: '127.0.0.1', port: 5055 },
    defaultDescription: '127.0.0.1:5055',
  },
  {
    flags: '--cache <folder>',
    description: 'where images are kept by their digests',
    environment: 'EVE_AGENT_MIRROR_CACHE',
    schema: z.string(),
    default: '/var/cache/eve-agent/mirror',
  },
  {
    flags: '--cache-size <size>',
    description: 'how much of them is kept; what was asked for the longest time ago goes first',
    environment: 'EVE_AGENT_MIRROR_CACHE_SIZE',
    schema: byteSize(),
    default: 10 * 1024 ** 3,
    defaultDescription: '10G',
  },
  {
    flags: '--reserve <size>',
    description: 'what stays free on the file system of the cache',
    environment: 'EVE_AGENT_MIRROR_RESERVE',
    schema: byteSize(),
    default: 256 * 1024 ** 2,
    defaultDescription: '256M',
  },
  {
    ...scrubIntervalOption,
    description: 'how often all of it is read again, to find what the disk has damaged; 0: never',
    environment: 'EVE_AGENT_MIRROR_SCRUB_INTERVAL',
  },
  {
    flags: '--any <what>',
    description:
      'what may come from any datastore that advertises itself on the bridges, for names of other registries and ' +
      `in place of one that does not answer: ${ANY_CHOICES.join(', ')}; what a tag leads to is the word of whoever ` +
      'is asked, content by its digest is verified',
    environment: 'EVE_AGENT_MIRROR_ANY',
    schema: z.enum(ANY_CHOICES, { error: `one of ${ANY_CHOICES.join(', ')} expected` }),
    default: 'digests',
  },
  {
    flags: '--verify',
    description: 'read all of the cache against its digests, remove what is damaged, and end',
    schema: z.boolean(),
  },
  {
    flags: '--print-config <client>',
    description: `print what makes a container engine use it, and end: ${CLIENTS.join(', ')}`,
    schema: z.enum(CLIENTS, { error: `one of ${CLIENTS.join(', ')} expected` }),
  },
  registryAuthOption,
  ...imageOptions.filter(({ flags }) => flags.startsWith('--ca ')),
  ...transferOptions('another address of the name is looked for'),
  bridgeOption,
  timeoutOption(10, 'how long to look for a datastore'),
  logLevelOption,
  configOption,
];

/** What `--verify` found, as lines for people. */
export const verifiedText = ({ checked, bytes, damaged }: ScrubResult): string =>
  [
    `${checked} blobs, ${sizeText(bytes)} read: ${damaged.length === 0 ? 'all are right' : `${damaged.length} damaged`}`,
    ...damaged.map((digest) => `removed ${digest}`),
    '',
  ].join('\n');

/** `eve-agent mirror`. */
export function mirrorCommand(context: CommandContext): Command {
  const command = new Command('mirror')
    .summary('a registry on loopback for the container engines of this host')
    .description(
      'Offers the container images of datastores on .local to docker, podman, containerd and k3s of this host: ' +
        'finds each datastore by multicast DNS, verifies what it sends, and keeps it. Nothing is written to it.',
    );
  return addConfigurableOptions(command, OPTIONS).action(async () => {
    const options = command.opts<MirrorOptions>();
    const { listen, cache, cacheSize, reserve, ca, any, scrubInterval, printConfig, logLevel } = options;
    const { stdout, signal } = context;
    const place = `${listen.host.includes(':') ? `[${listen.host}]` : listen.host}:${listen.port}`;
    if (printConfig !== undefined) {
      stdout.write(clientConfig(printConfig, place));
      return;
    }
    const log = context.createLog(logLevel);
    const kept = { cachePath: resolve(cache), cacheBytes: cacheSize, reserveBytes: reserve };
    if (options.verify === true) {
      const result = await verifyMirror(kept, log, signal);
      stdout.write(verifiedText(result));
      if (result.damaged.length > 0) throw new EndWithExitCode(EXIT_CODES.contentMismatch);
      return;
    }
    const browse = createBrowse({ openQuerier: createSystemOpenQuerier(log), clock: systemClock });
    await runMirror(
      {
        ...{ ...kept, host: listen.host, port: listen.port, any },
        scrubMs: scrubInterval * 3_600_000,
        ca: ca === undefined ? null : readCa(ca),
      },
      downloadMeans(context, { ...options, retries: RETRIES }),
      {
        log,
        findCredential: watchRegistryAuth(options.registryAuth, log),
        async browse(until) {
          const bridges = selectSystemBridges(options.bridge ?? []);
          const asked = { services: SERVICES, bridges, timeoutMs: BROWSE_MS, signal: until };
          return (await browse(asked)).instances;
        },
        onListening(at) {
          stdout.write(`listening on ${at}\n`);
          for (const client of CLIENTS) stdout.write(`\n## ${client}\n${clientConfig(client, at)}`);
        },
      },
      signal,
    );
  });
}
