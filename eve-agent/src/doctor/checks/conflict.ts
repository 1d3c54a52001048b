// SPDX-License-Identifier: Apache-2.0
import { type Check, type Finding, problem, skipped, warning } from '../check.ts';
import { type Sighting, sightingsOf } from '../host-records.ts';
import type { OtherHost } from '../observations.ts';

/** A download may come to any of several: that is right only when the file comes from each. */
function byChance(others: readonly OtherHost[], code: string, message: string, advice: string): Finding {
  const [wrong] = others.filter(({ isServing }) => !isServing);
  if (wrong === undefined) return warning(code, `${message}; the file comes from each`, advice);
  return problem('datastoreNotFound', code, `${message}; from ${wrong.address} no file comes`, advice);
}

function findingOn(
  bridgeName: string,
  sightings: readonly Sighting[],
  others: readonly OtherHost[],
): Finding | undefined {
  const addresses = [...new Set(sightings.map(({ address }) => address))];
  if (addresses.length < 2) return undefined;
  const sources = new Set(sightings.map(({ source }) => source));
  const list = addresses.join(' and ');
  if (sources.size < 2) {
    return warning(
      'several-addresses',
      `one host answers with ${list} on ${bridgeName}: stock EVE takes whichever stands first`,
      'let it publish one address on each bridge',
    );
  }
  return byChance(
    others.filter(({ bridge }) => bridge.name === bridgeName),
    'name-conflict',
    `several hosts answer for the name on ${bridgeName}: ${list}; which one is asked is chance`,
    'rename or stop all but one',
  );
}

export const conflictCheck: Check = {
  id: 'conflict',
  title: 'Name conflict',
  judge({ multicast, otherHosts }) {
    const sightings = multicast === null ? [] : sightingsOf(multicast);
    if (sightings.length === 0) return skipped('no address was found');
    const bridgeNames = [...new Set(sightings.map(({ bridge }) => bridge.name))];
    const findings = bridgeNames.flatMap(
      (name) =>
        findingOn(
          name,
          sightings.filter(({ bridge }) => bridge.name === name),
          otherHosts,
        ) ?? [],
    );
    if (bridgeNames.length > 1) {
      findings.push(
        byChance(
          otherHosts,
          'several-bridges',
          `the name answers on ${bridgeNames.join(' and ')}: whoever is first there is asked`,
          'see that it is one datastore with an interface on each, or rename one of them',
        ),
      );
    }
    return { summary: findings.length === 0 ? 'none' : 'more than one address', findings };
  },
};
