// SPDX-License-Identifier: Apache-2.0
import { BlockList } from 'node:net';
import type { Rule } from './edge-app.ts';

/** A packet that the app sends. */
export interface Outgoing {
  readonly protocol: 'udp' | 'tcp';
  readonly from: number;
  readonly to: { readonly address: string; readonly port: number };
}

function isWithin(address: string, subnet: string): boolean {
  const [network = '', prefix = '32'] = subnet.split('/');
  const list = new BlockList();
  list.addSubnet(network, Number(prefix));
  return list.check(address);
}

/** Whether a rule's matches hold for a packet on its way out, as pkg/pillar/nireconciler writes them for iptables. */
function matches({ matches: conditions, actions }: Rule, packet: Outgoing): boolean {
  const portMap = actions.find(({ portmap }) => portmap)?.portmapto;
  const hasProtocol = conditions.some(({ type }) => type === 'protocol');
  return conditions.every(({ type, value }) => {
    switch (type) {
      case 'ip':
        return isWithin(packet.to.address, value);
      case 'protocol':
        return packet.protocol === value;
      case 'fport':
        if (!hasProtocol) throw new Error('EVE refuses a port without a protocol');
        return packet.to.port === Number(value);
      case 'lport':
        if (!hasProtocol) throw new Error('EVE refuses a port without a protocol');
        // Where a port is mapped, what goes out comes from the app's own port.
        return packet.from === (portMap?.appPort ?? Number(value));
      case 'host':
        throw new Error('a rule by name needs a name server, which an air-gapped device has none of');
      default:
        throw new Error(`EVE knows no match ${type satisfies never}`);
    }
  });
}

/** Whether the rules let a packet out: what no rule matches is dropped. */
export function letsOut(rules: readonly Rule[], packet: Outgoing): boolean {
  const first = rules.find((rule) => matches(rule, packet));
  return first?.actions.every(({ drop }) => !drop) === true;
}
