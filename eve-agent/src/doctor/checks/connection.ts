// SPDX-License-Identifier: Apache-2.0
import { plainReason } from '@local-datastore/shared/text/plain-reason';
import { type Check, problem, skipped } from '../check.ts';
import type { ConnectionEvidence } from '../observations.ts';
import { portOf } from '../probes/connect.ts';

type Failed = Exclude<ConnectionEvidence, { kind: 'open' }>;

const LOOPBACK = /^(?:localhost|127\.[\d.]+|\[::1\])$/;

function adviceFor(kind: Failed['kind'], host: string, isImage: boolean): string {
  switch (kind) {
    case 'refused':
      if (isImage && LOOPBACK.test(host))
        return 'start what is to listen there: eve-agent mirror, or a registry';
      return `start the ${isImage ? 'registry' : 'web server'}, on this port and on the address of the bridge (not on 127.0.0.1 alone)${isImage ? '; a port other than that of its scheme belongs to the name of the image' : ''}`;
    case 'timeout':
      return 'allow the port in the app’s network rules, and on the datastore’s own firewall';
    case 'unreachable':
      return 'see that the datastore still runs: the address was advertised, but no host has it';
    case 'unknown-host':
      return 'see how the name is written; names on .local are found by multicast DNS, all others by the name service of this host';
    case 'failed':
      return 'see the datastore’s log';
  }
}

export const connectionCheck: Check = {
  id: 'connection',
  title: 'TCP connection',
  judge({ target, connection, image }) {
    if (target === null || connection === null) return skipped('no address to connect to');
    const where = `${target.url.hostname} port ${portOf(target.url)}`;
    const from = target.location === null ? '' : ` from ${target.location.bridge.address}`;
    if (connection.kind === 'open') return { summary: `${where}${from}` };
    const { kind, message } = connection;
    const what = {
      refused: 'refuses the connection',
      timeout: 'does not answer',
      unreachable: 'cannot be reached',
      'unknown-host': 'is at no address',
      failed: 'gives no connection',
    };
    return {
      summary: `${where}${from}`,
      findings: [
        problem(
          'transferFailed',
          `connection-${kind}`,
          plainReason(`${where} ${what[kind]}: ${message}`),
          adviceFor(kind, target.url.hostname, image !== null),
        ),
      ],
    };
  },
};
