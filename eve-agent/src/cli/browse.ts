// SPDX-License-Identifier: Apache-2.0
import type { OptionDescription } from '@local-datastore/shared/command-line/options';
import { SERVICES, type Service } from '@local-datastore/shared/dns-sd/service-types';
import { systemClock } from '@local-datastore/shared/system-clock';
import { jsonText } from '@local-datastore/shared/text/json-text';
import { printableText } from '@local-datastore/shared/text/printable-text';
import { tableText } from '@local-datastore/shared/text/text-table';
import { Command } from 'commander';
import * as z from 'zod';
import {
  addConfigurableOptions,
  bridgeOption,
  configOption,
  type DiscoveryOptions,
  jsonOption,
  logLevelOption,
  serviceOption,
  timeoutOption,
} from '../config.ts';
import { type BrowseResult, createBrowse } from '../discovery/browse.ts';
import type { ServiceInstance } from '../discovery/service-cache.ts';
import { createSystemOpenQuerier, selectSystemBridges } from '../service/system-discovery.ts';
import type { CommandContext } from './command-context.ts';
import { packetCountsSchema } from './packet-counts.ts';

const parsableOption: OptionDescription = {
  flags: '--parsable',
  description: 'print every service as avahi-browse --resolve does',
  environment: 'EVE_AGENT_PARSABLE',
  get schema() {
    return z.boolean();
  },
};

const OPTIONS = [
  serviceOption,
  bridgeOption,
  timeoutOption(3, 'how long to listen for answers'),
  jsonOption,
  parsableOption,
  logLevelOption,
  configOption,
];

/** avahi-browse takes 35 of the 80 columns for the rest. */
const NAME_WIDTH = 45;
const TYPE_WIDTH = 20;

/** An instance is resolved when host, port and an address are known. */
const isResolved = ({ hostName, addresses }: ServiceInstance) => hostName !== null && addresses.length > 0;

/** As `avahi-browse --resolve --terminate --no-db-lookup` prints one: `=` resolved, `+` only heard of. */
export function instanceText(instance: ServiceInstance): string {
  const row = [
    isResolved(instance) ? '=' : '+',
    printableText(instance.bridge.name).padStart(6),
    'IPv4',
    printableText(instance.instanceName).padEnd(NAME_WIDTH),
    `_${instance.service}._tcp`.padEnd(TYPE_WIDTH),
    'local',
  ].join(' ');
  if (!isResolved(instance)) return `${row}\n`;
  const txt = instance.txt.map((each) => `"${printableText(each).replaceAll('"', '\\"')}"`);
  return [
    row,
    `   hostname = [${printableText(instance.hostName ?? '')}]`,
    ...instance.addresses.map((address) => `   address = [${address}]`),
    `   port = [${instance.port}]`,
    `   txt = [${txt.join(' ')}]`,
    '',
  ].join('\n');
}

/** Where an instance is reached over HTTP; '' where it is no web server, or not resolved yet. */
function urlOf({ service, hostName, port }: ServiceInstance): string {
  if (service === 'workstation' || hostName === null || port === null) return '';
  const isUsual = port === (service === 'https' ? 443 : 80);
  return `${service}://${printableText(hostName)}${isUsual ? '' : `:${port}`}/`;
}

/** What is one host to people: all that a host name stands for on a bridge; an instance alone while none is known. */
const hostKey = ({ bridge, hostName, instanceName }: ServiceInstance) =>
  JSON.stringify([bridge.name, hostName?.toLowerCase() ?? null, hostName === null ? instanceName : '']);

/** Hosts as a table, a row for each on each bridge. @param columns of the terminal; absent: none */
export function hostTable(instances: readonly ServiceInstance[], columns?: number): string {
  const hosts = Map.groupBy(instances, hostKey);
  const rows = [...hosts.values()].map((ofHost) => {
    const { hostName, instanceName, bridge } = ofHost[0] as ServiceInstance;
    const addresses = new Set(ofHost.flatMap((each) => each.addresses));
    const services = new Set(ofHost.map(({ service }) => service));
    // EVE speaks to a datastore by https where it may.
    const urls = ofHost.map(urlOf).filter((url) => url !== '');
    return {
      cells: [
        printableText(hostName ?? instanceName),
        [...addresses].join(',') || '-',
        printableText(bridge.name),
        [...services].join(','),
        urls.findLast((url) => url.startsWith('https:')) ?? urls[0] ?? '-',
      ],
    };
  });
  return tableText(['NAME', 'ADDRESS', 'BRIDGE', 'SERVICES', 'URL'], rows, { columns });
}

/** What {@link browseDocument} makes. */
export const browseSchema = () =>
  z.object({
    instances: z.array(
      z.object({
        bridge: z.string(),
        instanceName: z.string(),
        service: z.enum(SERVICES),
        hostName: z.string().nullable().describe('null: not resolved yet.'),
        addresses: z.array(z.string()).readonly(),
        port: z.number().nullable(),
        txt: z.array(z.string()).readonly(),
      }),
    ),
    packets: packetCountsSchema(),
  });

/** The JSON document of a listing. */
export function browseDocument({
  instances,
  packets,
}: BrowseResult): z.infer<ReturnType<typeof browseSchema>> {
  const rows = instances.map(({ bridge, instanceName, service, hostName, addresses, port, txt }) => ({
    bridge: bridge.name,
    instanceName,
    service,
    hostName,
    addresses,
    port,
    txt,
  }));
  return { instances: rows, packets };
}

/** `eve-agent browse`. */
export function browseCommand({ stdout, stderr, signal, createLog }: CommandContext): Command {
  const command = new Command('browse')
    .summary('list the datastores that can be heard')
    .description('Lists the services that are advertised by multicast DNS on the bridges.');
  return addConfigurableOptions(command, OPTIONS).action(async () => {
    const options = command.opts<DiscoveryOptions & { service: readonly Service[]; parsable?: true }>();
    const timeoutMs = options.timeout * 1000;
    const openQuerier = createSystemOpenQuerier(createLog(options.logLevel));
    const bridges = selectSystemBridges(options.bridge ?? []);
    const browse = createBrowse({ openQuerier, clock: systemClock });
    const result = await browse({ services: options.service, bridges, timeoutMs, signal });
    if (options.json === true) {
      stdout.write(jsonText(browseDocument(result)));
      return;
    }
    if (result.instances.length === 0) {
      const asked = bridges.map(({ name }) => printableText(name)).join(', ');
      stderr.write(`nobody answered on ${asked} within ${options.timeout} s\n`);
      return;
    }
    const { instances } = result;
    stdout.write(
      options.parsable === true ? instances.map(instanceText).join('') : hostTable(instances, stdout.columns),
    );
  });
}
