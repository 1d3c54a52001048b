import type { Service } from '@local-datastore/shared/dns-sd/service-types';
import { systemClock } from '@local-datastore/shared/system-clock';
import { jsonText } from '@local-datastore/shared/text/json-text';
import { printableText } from '@local-datastore/shared/text/printable-text';
import { Command } from 'commander';
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

const OPTIONS = [
  serviceOption,
  bridgeOption,
  timeoutOption(3, 'how long to listen for answers'),
  jsonOption,
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

/** The JSON document of a listing. */
export function browseDocument({ instances, packets }: BrowseResult): object {
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
    const options = command.opts<DiscoveryOptions & { service: readonly Service[] }>();
    const timeoutMs = options.timeout * 1000;
    const openQuerier = createSystemOpenQuerier(createLog(options.logLevel));
    const bridges = selectSystemBridges(options.bridge ?? []);
    const browse = createBrowse({ openQuerier, clock: systemClock });
    const result = await browse({ services: options.service, bridges, timeoutMs, signal });
    if (options.json === true) {
      stdout.write(jsonText(browseDocument(result)));
      return;
    }
    stdout.write(result.instances.map(instanceText).join(''));
    if (result.instances.length === 0) {
      const asked = bridges.map(({ name }) => printableText(name)).join(', ');
      stderr.write(`nobody answered on ${asked} within ${options.timeout} s\n`);
    }
  });
}
