// SPDX-License-Identifier: Apache-2.0
import { isSameHost } from '@local-datastore/shared/dns-sd/host-name';
import { editDistance } from '@local-datastore/shared/text/edit-distance';
import { printableText } from '@local-datastore/shared/text/printable-text';
import { hostNamesIn } from '../../discovery/judge-answer.ts';
import { type Check, problem, skipped } from '../check.ts';
import { isAbout, isAnythingHeard, responsesIn } from '../host-records.ts';
import type { MulticastEvidence } from '../observations.ts';

const MAX_NAMES_SHOWN = 16;

/** The names that were heard, each with the bridges on which: `ds.local` → `bn1`. */
function namesHeard(multicast: MulticastEvidence): Map<string, Set<string>> {
  const names = new Map<string, Set<string>>();
  for (const { message, bridge, source } of responsesIn(multicast)) {
    for (const name of hostNamesIn(message)) {
      const known = [...names.keys()].find((each) => isSameHost(each, name)) ?? name;
      const where = names.get(known) ?? new Set();
      names.set(known, where.add(bridge?.name ?? `no bridge (${source})`));
    }
  }
  return names;
}

/** The name most like the wanted one; undefined when none is like it. */
export function nearestName(wanted: string, names: readonly string[]): string | undefined {
  const folded = wanted.toLowerCase();
  const likely = names
    .map((name) => ({ name, distance: editDistance(folded, name.toLowerCase()) }))
    .filter(({ name, distance }) => {
      const [wantedLabel = '', label = ''] = [folded, name.toLowerCase()].map((each) => each.split('.')[0]);
      const holds = label.includes(wantedLabel) || wantedLabel.includes(label);
      return distance <= Math.max(2, Math.floor(wantedLabel.length / 3)) || holds;
    });
  return likely.sort((left, right) => left.distance - right.distance)[0]?.name;
}

/** The image at another host, as it is named to the agent. */
const imageAt = (host: string, name: string) =>
  `docker://${printableText(host)}${name.replace(/^[^/:]*/, '')}`;

export const answerCheck: Check = {
  id: 'answer',
  title: 'Who answers',
  judge({ form, multicast, image }) {
    if (multicast === null) return skipped('nothing was asked by multicast DNS');
    if (!isAnythingHeard(multicast)) return skipped('nobody was heard');
    const heard = [...namesHeard(multicast)].slice(0, MAX_NAMES_SHOWN);
    const shown = heard.map(([name, where]) => `${printableText(name)} on ${[...where].join(' and ')}`);
    const facts = { names: shown };
    const summary = shown.join(', ') || 'no host';
    const isKnown = responsesIn(multicast).some(({ message }) => isAbout(message, multicast.host));
    if (isKnown) return { summary, facts };
    const nearest = nearestName(
      multicast.host,
      heard.map(([name]) => name),
    );
    const message = `nobody answers for ${printableText(multicast.host)}; ${shown.length === 0 ? 'what was heard names no host' : `there is ${shown.join(', ')}`}`;
    const finding =
      nearest === undefined
        ? problem(
            'datastoreNotFound',
            'name-not-heard',
            message,
            'start the datastore under this name, or use one of the names that answer',
          )
        : problem(
            'datastoreNotFound',
            'near-miss',
            message,
            `did you mean ${image === null ? `${form.scheme}://${printableText(nearest)}${form.path}` : imageAt(nearest, image.name)}?`,
          );
    return { summary, facts: { ...facts, nearest: nearest ?? null }, findings: [finding] };
  },
};
