// SPDX-License-Identifier: Apache-2.0
import { type Check, type Finding, problem, skipped, warning } from '../check.ts';
import type { LinkState } from '../observations.ts';

/** Why the agent, and EVE, cannot ask on a bridge. */
function whyUnusable({ name, isUp, hasCarrier, ipv4 }: LinkState): Omit<Finding, 'verdict'> | undefined {
  if (!isUp) {
    return { code: 'bridge-down', message: `${name} is down`, advice: `ip link set ${name} up` };
  }
  if (ipv4.length === 0) {
    return {
      code: 'bridge-without-ipv4',
      message: `${name} has no IPv4 address; of EVE's network instances only Local ones have`,
      advice: `put the apps on a Local network instance, or: ip address add 10.1.0.1/24 dev ${name}`,
    };
  }
  if (hasCarrier) return undefined;
  return {
    code: 'bridge-without-ports',
    message: `${name} has no port that is up: no app is attached to it`,
    advice: 'start the app that is the datastore on this network instance',
  };
}

export const bridgesCheck: Check = {
  id: 'bridges',
  title: 'Bridges',
  judge({ links, bridges }) {
    if (bridges.kind === 'not-needed') return skipped('no bridge is needed for this URL');
    const unusable = (links ?? [])
      .filter(({ isBridge }) => isBridge)
      .flatMap((each) => whyUnusable(each) ?? []);
    if (bridges.kind === 'none') {
      const causes = unusable.map((each) => problem('usage', each.code, each.message, each.advice));
      const noBridge = problem(
        'usage',
        'no-bridge',
        `${bridges.message.split('. ')[0]}; stock EVE would say "findDSmDNS: has no bridge interface"`,
        'create a Local network instance, or name the interface to ask on with --bridge',
      );
      return { summary: 'none to ask on', findings: causes.length > 0 ? causes : [noBridge] };
    }
    const named = bridges.bridges.map(({ name, cidr }) => `${name} (${cidr})`);
    return {
      summary: named.join(', '),
      facts: { bridges: named },
      findings: unusable.map(({ code, message, advice }) => warning(code, message, advice)),
    };
  },
};
