// SPDX-License-Identifier: Apache-2.0
import { type Check, type Finding, problem, skipped, warning } from '../check.ts';
import { isAnythingHeard } from '../host-records.ts';
import type { BridgeHearing, MulticastEvidence } from '../observations.ts';

const APP_RULES =
  'allow it in the app’s network rules: outgoing to 0.0.0.0/0, or 224.0.0.251 UDP 5353 and TCP local port 80';

function silentFinding({ bridge, silentNeighbours }: BridgeHearing): Finding | undefined {
  const [neighbour] = silentNeighbours.filter(({ answersUnicast, isServing }) => answersUnicast || isServing);
  if (neighbour === undefined) return undefined;
  const { address, answersUnicast } = neighbour;
  const sign = answersUnicast ? 'answers a question that is sent to it alone' : 'takes connections';
  return problem(
    'datastoreNotFound',
    'multicast-swallowed',
    `${address} on ${bridge.name} ${sign}, but no multicast DNS is heard from it`,
    `${APP_RULES}; and see that a responder runs in the app`,
  );
}

function portFinding({ portRefusal }: MulticastEvidence): Finding | undefined {
  if (portRefusal === undefined) return undefined;
  return problem(
    'datastoreNotFound',
    'mdns-port-refused',
    `UDP port 5353 cannot be had, so questions went out from another port: ${portRefusal}`,
    'let that program share the port (Avahi: disallow-other-stacks=no) or stop it: until then announcements are not heard',
  );
}

function hearingFinding(hearing: BridgeHearing, hasPort: boolean): Finding | undefined {
  const { bridge, sendError, isOwnQuestionHeard, heardCount } = hearing;
  if (sendError !== null) {
    return problem(
      'datastoreNotFound',
      'multicast-send-refused',
      `this host does not let questions out on ${bridge.name}: ${sendError}`,
      'let its firewall pass UDP to 224.0.0.251 port 5353 on the bridge, in and out',
    );
  }
  if (heardCount > 0 || isOwnQuestionHeard) return heardCount > 0 ? undefined : silentFinding(hearing);
  // From another port no question comes back to us.
  if (!hasPort) return silentFinding(hearing);
  return problem(
    'datastoreNotFound',
    'multicast-input-blocked',
    `on ${bridge.name} not even our own question came back: this host’s firewall drops multicast DNS`,
    'let its firewall pass UDP port 5353 on the bridge, in and out',
  );
}

export const multicastCheck: Check = {
  id: 'multicast',
  title: 'Multicast',
  judge({ multicast }) {
    if (multicast === null) return skipped('nothing was asked by multicast DNS');
    const hasPort = multicast.portRefusal === undefined;
    const onPort = portFinding(multicast);
    const onBridges = multicast.hearings.flatMap((hearing) => hearingFinding(hearing, hasPort) ?? []);
    const withPort = (findings: readonly Finding[]) =>
      onPort === undefined ? findings : [onPort, ...findings];
    const summary = multicast.hearings
      .map(({ bridge, heardCount }) => `${heardCount} messages on ${bridge.name}`)
      .join(', ');
    if (isAnythingHeard(multicast)) {
      return {
        summary,
        findings: withPort(onBridges).map(({ code, message, advice }) => warning(code, message, advice)),
      };
    }
    const names = multicast.hearings.map(({ bridge }) => bridge.name).join(', ');
    const nothing = problem(
      'datastoreNotFound',
      'nothing-heard',
      `nobody says anything by multicast DNS on ${names} within ${multicast.listenMs / 1000} s`,
      `see that the datastore runs and is attached to one of these bridges; then ${APP_RULES}`,
    );
    return { summary, findings: withPort(onBridges.length > 0 ? onBridges : [nothing]) };
  },
};
