// SPDX-License-Identifier: Apache-2.0
/**
 * The state of a deployment stands in the names of its containers, which can be changed in one step; what is known of
 * one from its beginning stands in its labels, which cannot.
 */
import type { ContainerView } from '../engine/container-engine.ts';
import type { RestartPolicy } from '../engine/container-spec.ts';

/**
 * What a container is to its deployment: `serving` has the plain name; `candidate` shows that it can run, without
 * ports; `next` has the ports, and is not committed; `back` is an old one on its way to serve again; `old` is kept.
 */
export type Role = 'serving' | 'candidate' | 'next' | 'back' | 'old';

const SUFFIXES: Readonly<Record<Exclude<Role, 'old'>, string>> = {
  serving: '',
  candidate: '.try',
  next: '.new',
  back: '.back',
};
const OLD_SUFFIX = '.old-';
/** Engine API: what a container may be called; the longest suffix and a prefix have room beside it. */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,99}$/;
const OWN_SUFFIX = /\.(?:try|new|back|old-\d+)$/;

/** Whether a deployment can be called so: none of its containers is then taken for one of another. */
export const isDeploymentName = (name: string): boolean => NAME.test(name) && !OWN_SUFFIX.test(name);

/** @param base the plain name, prefix included; @param generation of an old one */
export function containerName(base: string, role: Role, generation: number): string {
  return base + (role === 'old' ? `${OLD_SUFFIX}${generation}` : SUFFIXES[role]);
}

/** @returns undefined for a name that is none of this deployment's */
export function roleOfName(base: string, name: string): { role: Role; oldNumber: number | null } | undefined {
  if (!name.startsWith(base)) return undefined;
  const suffix = name.slice(base.length);
  const oldNumber = /^\.old-(\d{1,15})$/.exec(suffix)?.[1];
  if (oldNumber !== undefined) return { role: 'old', oldNumber: Number(oldNumber) };
  const role = (['serving', 'candidate', 'next', 'back'] as const).find((each) => SUFFIXES[each] === suffix);
  return role && { role, oldNumber: null };
}

const LABEL = 'io.local-datastore.';
export const LABELS = {
  /** The name of the deployment, without prefix. */
  deployment: `${LABEL}deployment`,
  /** Counts up. */
  generation: `${LABEL}generation`,
  /** `version` or `candidate`. */
  kind: `${LABEL}kind`,
  /** The config digest of its image. */
  image: `${LABEL}image`,
  /** The generation that served when it was made; empty: none. */
  replaces: `${LABEL}replaces`,
  /** How it is restarted once it serves. */
  restart: `${LABEL}restart`,
  /** What it is judged by, as JSON; absent: its own HEALTHCHECK, or that it runs. */
  health: `${LABEL}health`,
} as const;

/** As `--restart` is written: `unless-stopped`, `on-failure:3`. */
export function restartPolicyText({ Name, MaximumRetryCount = 0 }: RestartPolicy): string {
  return MaximumRetryCount > 0 ? `${Name}:${MaximumRetryCount}` : Name || 'no';
}

/** @returns `unless-stopped` for what nobody wrote */
export function parseRestartPolicy(text: string | undefined): RestartPolicy {
  const [, name, count] = /^(no|always|on-failure|unless-stopped)(?::(\d{1,9}))?$/.exec(text ?? '') ?? [];
  if (name === undefined) return { Name: 'unless-stopped' };
  const Name = name as Exclude<RestartPolicy['Name'], ''>;
  return count === undefined ? { Name } : { Name, MaximumRetryCount: Number(count) };
}

/** What one that was not made here may be called: it has no label by which it could be found. */
export const adoptedNames = (base: string): readonly string[] => [
  containerName(base, 'serving', 0),
  containerName(base, 'back', 0),
  containerName(base, 'old', 0),
];

/** A container of a deployment, as the plan sees it. */
export interface VersionContainer {
  readonly id: string;
  readonly role: Role;
  /** 0: of somebody else, who gave it the plain name. */
  readonly generation: number;
  /** Of an old one: the number in its name. */
  readonly oldNumber: number | null;
  readonly replaces: number | null;
  /** It runs, or the engine makes it run again and again. */
  readonly isUp: boolean;
  readonly restart: RestartPolicy;
  /** Once it serves. */
  readonly wantedRestart: RestartPolicy;
  /** Whether it was made here; else its volumes are left alone. */
  readonly isOurs: boolean;
  readonly imageId: string;
}

const ADOPTED_ROLES = new Set<Role>(['serving', 'back', 'old']);
const UP = new Set<ContainerView['state']>(['running', 'paused', 'restarting']);

const wholeNumber = (text: string | undefined) =>
  text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null;

/** @returns undefined for a container that is none of this deployment's: another name, or there by somebody else */
export function toVersionContainer(
  base: string,
  deployment: string,
  view: ContainerView,
): VersionContainer | undefined {
  const named = roleOfName(base, view.name);
  const isOurs = view.labels[LABELS.deployment] === deployment;
  // Of others one counts: ed-daemon's or one by hand, which has the plain name, or had it when it was replaced.
  if (named === undefined || (!isOurs && !ADOPTED_ROLES.has(named.role))) return undefined;
  if (!isOurs && named.role === 'old' && named.oldNumber !== 0) return undefined;
  return {
    id: view.id,
    ...named,
    generation: (isOurs ? wholeNumber(view.labels[LABELS.generation]) : null) ?? 0,
    replaces: isOurs ? wholeNumber(view.labels[LABELS.replaces]) : null,
    isUp: UP.has(view.state),
    restart: view.restartPolicy,
    // One that was not made here keeps what it has while it serves; after that it is as all others.
    wantedRestart:
      isOurs || named.role !== 'serving'
        ? parseRestartPolicy(isOurs ? view.labels[LABELS.restart] : undefined)
        : view.restartPolicy,
    isOurs,
    imageId: view.imageId,
  };
}
