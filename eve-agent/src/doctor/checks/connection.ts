import { type Check, problem, skipped } from '../check.ts';
import { portOf } from '../probes/connect.ts';

const ADVICE = {
  refused: 'start the web server, on this port and on the address of the bridge (not on 127.0.0.1 alone)',
  timeout: 'allow the port in the app’s network rules, and on the datastore’s own firewall',
  unreachable: 'see that the datastore still runs: the address was advertised, but no host has it',
  failed: 'see the datastore’s log',
};

export const connectionCheck: Check = {
  id: 'connection',
  title: 'TCP connection',
  judge({ target, connection }) {
    if (target === null || connection === null) return skipped('no address to connect to');
    const where = `${target.url.hostname} port ${portOf(target.url)}`;
    const from = target.location === null ? '' : ` from ${target.location.bridge.address}`;
    if (connection.kind === 'open') return { summary: `${where}${from}` };
    const { kind, message } = connection;
    const what = {
      refused: 'refuses the connection',
      timeout: 'does not answer',
      unreachable: 'cannot be reached',
      failed: 'gives no connection',
    };
    return {
      summary: `${where}${from}`,
      findings: [
        problem('transferFailed', `connection-${kind}`, `${where} ${what[kind]}: ${message}`, ADVICE[kind]),
      ],
    };
  },
};
