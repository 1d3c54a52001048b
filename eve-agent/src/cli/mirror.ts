import { resolve } from 'node:path';
import { byteSize } from '@local-datastore/shared/command-line/byte-size';
import type { OptionDescription } from '@local-datastore/shared/command-line/options';
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
import { CLIENTS, type Client, clientConfig } from '../mirror/client-config.ts';
import { runMirror } from '../service/run-mirror.ts';
import type { CommandContext } from './command-context.ts';
import { downloadMeans } from './download-means.ts';
import { imageOptions, readCa } from './image-options.ts';
import { type TransferOptions, transferOptions } from './transfer-options.ts';

interface MirrorOptions extends DiscoveryOptions, TransferOptions {
  readonly listen: Extract<ListenAddress, { kind: 'tcp' }>;
  readonly cache: string;
  readonly cacheSize: number;
  readonly ca?: string;
  readonly printConfig?: Client;
}

/** A try that fails is told to the client, which tries again by itself. */
const RETRIES = 2;

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
    flags: '--print-config <client>',
    description: `print what makes a container engine use it, and end: ${CLIENTS.join(', ')}`,
    schema: z.enum(CLIENTS, { error: `one of ${CLIENTS.join(', ')} expected` }),
  },
  ...imageOptions.filter(({ flags }) => flags.startsWith('--ca ')),
  ...transferOptions('another address of the name is looked for'),
  bridgeOption,
  timeoutOption(10, 'how long to look for a datastore'),
  logLevelOption,
  configOption,
];

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
    const { listen, cache, cacheSize, ca, printConfig, logLevel } = options;
    const { stdout, signal } = context;
    const place = `${listen.host.includes(':') ? `[${listen.host}]` : listen.host}:${listen.port}`;
    if (printConfig !== undefined) {
      stdout.write(clientConfig(printConfig, place));
      return;
    }
    await runMirror(
      {
        ...{ host: listen.host, port: listen.port, cachePath: resolve(cache), cacheBytes: cacheSize },
        ca: ca === undefined ? null : readCa(ca),
      },
      downloadMeans(context, { ...options, retries: RETRIES }),
      {
        log: context.createLog(logLevel),
        onListening(at) {
          stdout.write(`listening on ${at}\n`);
          for (const client of CLIENTS) stdout.write(`\n## ${client}\n${clientConfig(client, at)}`);
        },
      },
      signal,
    );
  });
}
