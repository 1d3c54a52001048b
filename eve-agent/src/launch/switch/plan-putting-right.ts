// SPDX-License-Identifier: Apache-2.0
import type { VersionContainer } from './names.ts';
import {
  type Facts,
  findOlds,
  findRole,
  hasSameRestart,
  NEVER,
  type Observed,
  planInstalling,
  type Step,
} from './steps.ts';

/**
 * The one that is committed and has not its name yet. Where something served when it was made, the name of that one
 * says whether the commit has happened; an old one on its way back lost its own name before, and none is there for it.
 */
function findHeir(observed: Observed): VersionContainer | undefined {
  if (findRole(observed, 'serving') !== undefined) return undefined;
  const next = findRole(observed, 'next');
  const isCommitted =
    next?.replaces != null && findOlds(observed).some(({ oldNumber }) => oldNumber === next.replaces);
  return isCommitted ? next : findRole(observed, 'back');
}

/** A policy that is not its own says that somebody stopped it on purpose. */
const isStoppedOnPurpose = ({ restart, wantedRestart }: VersionContainer) =>
  hasSameRestart(restart, NEVER) && !hasSameRestart(wantedRestart, NEVER);

const KEPT_UP: ReadonlySet<string> = new Set(['always', 'unless-stopped']);

/**
 * An engine that was killed ends what still runs when it is back, and takes that for a wish of its user (Docker 20.10).
 */
const isLost = (serving: VersionContainer, { wasAway, started }: Facts) =>
  wasAway && serving.isOurs && !started.has(serving.id) && KEPT_UP.has(serving.restart.Name);

/** Makes room for it first: one port has one container. */
function* planServing(target: VersionContainer, observed: Observed): Generator<Step> {
  for (const other of observed.containers) {
    const isInTheWay = other !== target && other.role !== 'candidate' && other.isUp;
    if (isInTheWay) yield { kind: 'stop', target: other };
  }
  yield { kind: 'start', target };
}

/**
 * From whatever is there to one version that serves, and nothing else but old ones that are kept.
 *
 * Pure; steps in their order, of which the first that can be done is the next. A rule goes after what serves is up, a
 * candidate after the rule that leads to it, and what tells that a switch was cut off after all that follows from it.
 *
 * @param keep how many old versions stay; null: all
 */
export function* planPuttingRight(observed: Observed, facts: Facts, keep: number | null): Generator<Step> {
  const serving = findRole(observed, 'serving');
  const candidate = findRole(observed, 'candidate');
  const next = findRole(observed, 'next');
  const back = findRole(observed, 'back');
  const heir = findHeir(observed);
  let isCutOff = false;

  if (heir !== undefined) {
    if (!heir.isUp) yield* planServing(heir, observed);
    if (heir.isUp) yield* planInstalling(heir);
  } else if (serving !== undefined && !serving.isUp && !isStoppedOnPurpose(serving)) {
    const isLeft = next !== undefined || back !== undefined;
    if (isLeft || isLost(serving, facts)) yield* planServing(serving, observed);
    // It cannot be started: what is left of the switch says so to whoever looks next.
    isCutOff = isLeft && facts.givenUp.has(`start ${serving.id}`);
  }
  const isNews = serving !== undefined && (observed.hasRule || facts.started.has(serving.id));
  if (isNews && serving.isUp && !facts.judged.has(serving.id)) yield { kind: 'await', target: serving };

  if (observed.hasRule) yield { kind: 'remove-rule' };
  if (candidate !== undefined) {
    if (candidate.isUp && facts.hadRule && !facts.drained.has(candidate.id))
      yield { kind: 'drain', target: candidate };
    if (candidate.isUp) yield { kind: 'stop', target: candidate };
    yield { kind: 'remove', target: candidate };
  }
  if (next !== undefined && next !== heir) {
    if (next.isUp) yield { kind: 'stop', target: next };
    if (!isCutOff) yield { kind: 'remove', target: next };
  }
  if (back !== undefined && back !== heir) {
    if (back.isUp) yield { kind: 'stop', target: back };
    const { generation: number } = back;
    if (!isCutOff) yield { kind: 'rename', target: back, to: 'old', number };
  }
  const olds = findOlds(observed);
  for (const target of olds) {
    if (target.isUp) yield { kind: 'stop', target };
    if (!hasSameRestart(target.restart, NEVER)) yield { kind: 'set-restart', target, policy: NEVER };
  }
  if (serving?.isUp && !hasSameRestart(serving.restart, serving.wantedRestart)) {
    yield { kind: 'set-restart', target: serving, policy: serving.wantedRestart };
  }
  if (keep !== null) {
    for (const target of olds.slice(keep)) yield { kind: 'remove', target };
  }
}
