// SPDX-License-Identifier: Apache-2.0
import { ValueError } from '../errors.ts';
import { requireContainerPath, requireHostPath } from './paths.ts';

/** What `--volume` makes: a folder of the host or a named volume as a bind, or an anonymous volume. */
export type ParsedVolume =
  | {
      readonly kind: 'bind' | 'named';
      readonly source: string;
      readonly target: string;
      readonly mode: string | null;
    }
  | { readonly kind: 'anonymous'; readonly target: string };

/** Of the engine; a single character is none. */
const VOLUME_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]+$/;

export const PROPAGATIONS: readonly string[] = [
  'private',
  'rprivate',
  'shared',
  'rshared',
  'slave',
  'rslave',
];
/** At most one of each group; the first and the last are of folders of the host alone, the second of volumes. */
const MODES: Readonly<Record<string, readonly string[]>> = {
  access: ['ro', 'rw'],
  copy: ['nocopy'],
  label: ['z', 'Z'],
  consistency: ['consistent', 'cached', 'delegated'],
  propagation: PROPAGATIONS,
};

/** @throws ValueError */
export function requireVolumeName(name: string): string {
  if (VOLUME_NAME.test(name)) return name;
  // Meant as a path, which only an absolute one is.
  if (/^[.~]|\//.test(name)) requireHostPath(name);
  throw new ValueError(`'${name}' is no name of a volume`);
}

function requireModes(text: string, kind: 'bind' | 'named'): void {
  const seen = new Set<string>();
  for (const mode of text.split(',')) {
    const [group] = Object.entries(MODES).find(([, modes]) => modes.includes(mode)) ?? [];
    if (group === undefined) throw new ValueError(`'${mode}' is no mode of a volume`);
    if (seen.has(group)) throw new ValueError(`the modes '${text}' contradict each other`);
    if (group === (kind === 'bind' ? 'copy' : 'propagation')) {
      throw new ValueError(
        `'${mode}' is no mode of ${kind === 'bind' ? 'a folder of the host' : 'a volume'}`,
      );
    }
    seen.add(group);
  }
}

/** `[SOURCE:]TARGET[:MODE[,MODE]…]`. @throws ValueError */
export function parseVolume(text: string): ParsedVolume {
  const [first = '', second, mode, ...more] = text.split(':');
  if (more.length > 0) throw new ValueError('SOURCE:TARGET:MODE is expected');
  if (second === undefined) return { kind: 'anonymous', target: requireContainerPath(first) };
  const kind = first.startsWith('/') ? 'bind' : 'named';
  const source = kind === 'bind' ? first : requireVolumeName(first);
  const target = requireContainerPath(second);
  if (mode !== undefined) requireModes(mode, kind);
  return { kind, source, target, mode: mode ?? null };
}

/** As the engine takes it. */
export const bindText = (source: string, target: string, mode: string | null): string =>
  [source, target, ...(mode === null ? [] : [mode])].join(':');
