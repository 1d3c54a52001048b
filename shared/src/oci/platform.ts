// SPDX-License-Identifier: Apache-2.0
import type { Descriptor, Platform } from './descriptor.ts';

/** What an image is to run on, as OCI's index and Go name it. */
export interface WantedPlatform {
  readonly os: string;
  readonly architecture: string;
  /** Empty: the architecture has none, or its usual one is meant. */
  readonly variant: string;
}

/** Names that other programs have for architectures, as containerd reads them. */
const ARCHITECTURES: Readonly<Record<string, readonly [string, string?]>> = {
  x86_64: ['amd64'],
  'x86-64': ['amd64'],
  x64: ['amd64'],
  i386: ['386'],
  i686: ['386'],
  ia32: ['386'],
  aarch64: ['arm64'],
  armhf: ['arm', 'v7'],
  armel: ['arm', 'v6'],
};
const SYSTEMS: Readonly<Record<string, string>> = { macos: 'darwin' };

/** One form for what is the same: `arm64` is `arm64/v8`, `arm` is `arm/v7`, `amd64` is `amd64/v1`. */
export function normalizePlatform({ os, architecture, variant = '' }: Platform): WantedPlatform {
  const [name, implied] = ARCHITECTURES[architecture.toLowerCase()] ?? [architecture.toLowerCase()];
  const given = (variant || (implied ?? '')).toLowerCase();
  const level = /^\d/.test(given) ? `v${given}` : given;
  return {
    os: SYSTEMS[os.toLowerCase()] ?? os.toLowerCase(),
    architecture: name,
    variant:
      (name === 'arm64' && level === 'v8') || (name === 'amd64' && level === 'v1')
        ? ''
        : name === 'arm' && level === ''
          ? 'v7'
          : level,
  };
}

/** Reads `linux/arm64` or `linux/arm/v7`. @returns null for anything else */
export function parsePlatform(text: string): WantedPlatform | null {
  const match = /^([a-z0-9]+)\/([a-z0-9_-]+)(?:\/([a-z0-9.]+))?$/i.exec(text);
  if (match === null) return null;
  const [, os = '', architecture = '', variant] = match;
  return normalizePlatform({ os, architecture, variant });
}

export const platformText = ({ os, architecture, variant }: Platform): string =>
  [os, architecture, variant].filter((part) => part !== undefined && part !== '').join('/');

const ARM_LEVELS = ['v8', 'v7', 'v6', 'v5'];

function variantsDown(levels: readonly string[], variant: string): string[] {
  const at = levels.indexOf(variant);
  return at < 0 ? [variant] : levels.slice(at);
}

/** What runs there, best first. */
function runnable({ os, architecture, variant }: WantedPlatform, isWith32Bit: boolean): WantedPlatform[] {
  const of = (name: string, variants: readonly string[]) =>
    variants.map((each) => ({ os, architecture: name, variant: each }));
  switch (architecture) {
    case 'arm':
      return of('arm', variantsDown(ARM_LEVELS, variant));
    case 'arm64': {
      const own = variant === '' ? [''] : [variant, ''];
      return [...of('arm64', own), ...(isWith32Bit ? of('arm', ARM_LEVELS) : [])];
    }
    case 'amd64': {
      const own = variantsDown(['v4', 'v3', 'v2', ''], variant);
      return [...of('amd64', own), ...(isWith32Bit ? of('386', ['']) : [])];
    }
    default:
      return of(architecture, [variant]);
  }
}

const isSame = (left: WantedPlatform, right: WantedPlatform) =>
  left.os === right.os && left.architecture === right.architecture && left.variant === right.variant;

/** What BuildKit adds beside the images: who built them, and of what. */
export function isAttestation({ platform, annotations }: Descriptor): boolean {
  const isUnknown = platform?.os === 'unknown' && platform.architecture === 'unknown';
  return isUnknown || annotations?.['vnd.docker.reference.type'] === 'attestation-manifest';
}

/** Whether an image runs on a platform, as far as its own word goes. */
export function isRunnable(own: Platform, wanted: WantedPlatform, isExact: boolean): boolean {
  return runnable(wanted, !isExact).some((each) => isSame(each, normalizePlatform(own)));
}

/**
 * Chooses among the manifests of an index, as containerd does: the platform itself, else an older variant of it, else
 * what its processors run besides. What states no platform comes last.
 *
 * @param isExact whether the platform was asked for by name: then nothing of another architecture will do
 * @returns undefined where nothing runs there
 */
export function choosePlatform(
  children: readonly Descriptor[],
  wanted: WantedPlatform,
  isExact: boolean,
): Descriptor | undefined {
  const images = children.filter((each) => !isAttestation(each));
  for (const platform of runnable(wanted, !isExact)) {
    const found = images.find((each) => each.platform && isSame(normalizePlatform(each.platform), platform));
    if (found !== undefined) return found;
  }
  return images.find(({ platform }) => platform === undefined);
}

/** What there is to choose from, for people. */
export function listPlatforms(children: readonly Descriptor[]): string {
  const texts = children.flatMap((each) =>
    each.platform === undefined || isAttestation(each) ? [] : [platformText(each.platform)],
  );
  return [...new Set(texts)].slice(0, 50).join(', ') || 'none';
}
