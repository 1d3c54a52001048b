// SPDX-License-Identifier: Apache-2.0
import { jsonText } from '@local-datastore/shared/text/json-text';
import { Command } from 'commander';
import * as z from 'zod';
import {
  addConfigurableOptions,
  bridgeOption,
  configOption,
  type DiscoveryOptions,
  jsonOption,
  logLevelOption,
  timeoutOption,
} from '../config.ts';
import { isAddressLiteral, type Located, parseImageUrl } from '../discovery/locate.ts';
import { addressUrl, originOf } from '../discovery/origin.ts';
import { createSystemLocator } from '../service/system-discovery.ts';
import type { CommandContext } from './command-context.ts';
import { packetCountsSchema } from './packet-counts.ts';

const OPTIONS = [
  bridgeOption,
  timeoutOption(10, 'how long to wait for an answer'),
  jsonOption,
  logLevelOption,
  configOption,
];

const resolvedUrl = (located: Located): string => addressUrl(originOf(located)).href;

/** What {@link resolvedDocument} makes. */
export const resolvedSchema = () =>
  z.object({
    host: z.string(),
    address: z.string().nullable().describe('null: ordinary DNS would be asked.'),
    bridge: z.string().nullable(),
    sourceAddress: z.string().nullable(),
    url: z.string().describe('With the address in place of the name.'),
    service: z.string().nullable(),
    responder: z.string().nullable().describe('Who answered.'),
    elapsedMs: z.number(),
    packets: packetCountsSchema(),
    alternatives: z.array(z.object({ address: z.string(), bridge: z.string() })),
  });

/** The JSON document of a result. Where ordinary DNS would be asked, only what is known without it. */
export function resolvedDocument(asked: URL, located: Located): z.infer<ReturnType<typeof resolvedSchema>> {
  if (located.kind === 'ordinary') {
    return {
      host: asked.hostname,
      address: isAddressLiteral(asked) ? asked.hostname.replace(/^\[(.*)\]$/, '$1') : null,
      bridge: null,
      sourceAddress: null,
      url: located.url.href,
      service: null,
      responder: null,
      elapsedMs: 0,
      packets: { received: 0, malformed: 0, rejected: 0 },
      alternatives: [],
    };
  }
  const { host, address, bridge, sourceAddress, service, responder, elapsedMs, packets, alternatives } =
    located.location;
  return {
    host,
    address,
    bridge: bridge.name,
    sourceAddress,
    url: resolvedUrl(located),
    service: service ?? 'address',
    responder,
    elapsedMs: Math.round(elapsedMs * 1000) / 1000,
    packets,
    alternatives: alternatives.map((each) => ({ address: each.address, bridge: each.bridge.name })),
  };
}

/** The result as lines for people. */
export function resolvedText(asked: URL, located: Located): string {
  const url = resolvedUrl(located);
  if (located.kind === 'ordinary') {
    const how = isAddressLiteral(asked)
      ? 'is an address: nothing to resolve'
      : 'is not on .local: ordinary DNS would be used';
    return `${asked.hostname} ${how}\nurl             ${url}\n`;
  }
  const { host, address, bridge, sourceAddress } = located.location;
  return [
    `host            ${host}`,
    `address         ${address}`,
    `bridge          ${bridge.name}`,
    `source address  ${sourceAddress}`,
    `url             ${url}`,
    '',
  ].join('\n');
}

/** `eve-agent resolve`. */
export function resolveCommand({ stdout, signal, createLog }: CommandContext): Command {
  const command = new Command('resolve')
    .summary('find the address of a datastore')
    .description(
      'Finds the host of a URL by multicast DNS on the bridges, and prints its address, the bridge, the ' +
        'source address to connect from, and the URL with the address in place of the name.',
    )
    .argument('<url>', 'such as http://ds.local/image.qcow2');
  return addConfigurableOptions(command, OPTIONS).action(async (text: string) => {
    const { bridge = [], timeout, json, logLevel } = command.opts<DiscoveryOptions>();
    const url = parseImageUrl(text);
    const locate = createSystemLocator(createLog(logLevel));
    const located = await locate(url, { bridges: bridge, timeoutMs: timeout * 1000, signal });
    stdout.write(json === true ? jsonText(resolvedDocument(url, located)) : resolvedText(url, located));
  });
}
