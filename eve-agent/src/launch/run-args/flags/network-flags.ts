// SPDX-License-Identifier: Apache-2.0
import { ValueError } from '../errors.ts';
import {
  parseAddress,
  parseAddressOf,
  parseExtraHost,
  parseSearchDomain,
  requireMacAddress,
} from '../grammar/addresses.ts';
import { parseAlias, parseLinkLocal, parseNetwork, requireLink } from '../grammar/networks.ts';
import { parseExpose, parsePublish, requireFewPorts } from '../grammar/ports.ts';
import { containerText, hostList, type RunFlag, used, usedSwitch } from './flag.ts';

/** What the kernel takes as a name of a host (sethostname(2)). */
function requireHostName(text: string): string {
  if (!/^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?)?$/.test(text)) {
    throw new ValueError('a name of a host is expected, of at most 64 characters');
  }
  return text;
}

const ENDPOINT = 'NetworkingConfig.EndpointsConfig';

/** What a container reaches, and where it is reached. */
export const NETWORK_FLAGS: readonly RunFlag[] = [
  used('add-host', 'NAME:ADDRESS', 'HostConfig.ExtraHosts', hostList('ExtraHosts', parseExtraHost)),
  used('dns', 'ADDRESS', 'HostConfig.Dns', hostList('Dns', parseAddress)),
  used('dns-option', 'OPTION', 'HostConfig.DnsOptions', hostList('DnsOptions'), { hiddenNames: ['dns-opt'] }),
  used('dns-search', 'DOMAIN', 'HostConfig.DnsSearch', hostList('DnsSearch', parseSearchDomain)),
  used('domainname', 'NAME', 'Domainname', containerText('Domainname', requireHostName)),
  used('expose', 'PORT[-PORT][/PROTOCOL]', 'ExposedPorts', ({ container }, value) => {
    const ports = parseExpose(value);
    container.ExposedPorts = {
      ...container.ExposedPorts,
      ...Object.fromEntries(ports.map((port) => [port, {}])),
    };
    requireFewPorts(Object.keys(container.ExposedPorts).length);
  }),
  used('hostname', 'NAME', 'Hostname', containerText('Hostname', requireHostName), { short: 'h' }),
  used('ip', 'ADDRESS', `${ENDPOINT}.IPAMConfig`, ({ endpoint }, value) => {
    endpoint.ip = parseAddressOf(4, value);
  }),
  used('ip6', 'ADDRESS', `${ENDPOINT}.IPAMConfig`, ({ endpoint }, value) => {
    endpoint.ip6 = parseAddressOf(6, value);
  }),
  used('link', 'CONTAINER[:ALIAS]', 'HostConfig.Links', hostList('Links', requireLink)),
  used('link-local-ip', 'ADDRESS', `${ENDPOINT}.IPAMConfig`, ({ endpoint }, value) => {
    endpoint.linkLocalIps.push(parseLinkLocal(value));
  }),
  used('mac-address', 'ADDRESS', `${ENDPOINT}.MacAddress`, ({ endpoint }, value) => {
    endpoint.mac = requireMacAddress(value);
  }),
  used(
    'network',
    'NAME or name=NAME,…',
    'HostConfig.NetworkMode',
    ({ networks }, value) => {
      networks.push(parseNetwork(value));
    },
    { hiddenNames: ['net'] },
  ),
  used(
    'network-alias',
    'NAME',
    `${ENDPOINT}.Aliases`,
    ({ endpoint }, value) => {
      endpoint.aliases.push(parseAlias(value));
    },
    { hiddenNames: ['net-alias'] },
  ),
  used(
    'publish',
    '[[IP:][HOST]:]PORT[/PROTOCOL]',
    'HostConfig.PortBindings',
    ({ container, host }, value) => {
      const bindings = { ...host.PortBindings };
      const exposed = { ...container.ExposedPorts };
      for (const { port, hostIp, hostPort } of parsePublish(value)) {
        exposed[port] = {};
        bindings[port] = [...(bindings[port] ?? []), { HostIp: hostIp, HostPort: hostPort }];
      }
      requireFewPorts(Object.values(bindings).flat().length);
      container.ExposedPorts = exposed;
      host.PortBindings = bindings;
    },
    { short: 'p' },
  ),
  usedSwitch(
    'publish-all',
    'HostConfig.PublishAllPorts',
    ({ host }, isOn) => {
      host.PublishAllPorts = isOn;
    },
    { short: 'P' },
  ),
];
