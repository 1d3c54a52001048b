// SPDX-License-Identifier: Apache-2.0
import type { Mount } from '../../engine/container-spec.ts';
import { ValueError } from '../errors.ts';
import { cut, parseCsvLine, requireKeyValue } from './key-values.ts';
import { parseSize } from './numbers.ts';
import { requireContainerPath, requireHostPath } from './paths.ts';
import { PROPAGATIONS, requireVolumeName } from './volumes.ts';

type MountType = Mount['Type'];
const TYPES: readonly string[] = ['bind', 'volume', 'tmpfs', 'image'] satisfies readonly MountType[];
const ELSEWHERE: Readonly<Record<string, string>> = {
  npipe: 'is of Windows',
  cluster: 'is of a Swarm',
};

/** May stand without a value, for true. */
const SWITCHES = ['readonly', 'ro', 'volume-nocopy', 'bind-nonrecursive', 'bind-create-src'];
const SYNONYMS: Readonly<Record<string, string>> = {
  src: 'source',
  dst: 'target',
  destination: 'target',
  ro: 'readonly',
};
const KNOWN = new Set([
  ...['type', 'source', 'target', 'readonly', 'consistency', 'bind-propagation', 'bind-nonrecursive'],
  ...['bind-recursive', 'bind-create-src', 'volume-subpath', 'volume-nocopy', 'image-subpath'],
  ...['volume-driver', 'tmpfs-size', 'tmpfs-mode'],
]);
/** May stand several times, each for another one. */
const COLLECTED = ['volume-label', 'volume-opt'];

interface MountFields {
  readonly single: ReadonlyMap<string, string>;
  readonly labels: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>>;
}

function readFields(text: string): MountFields {
  const single = new Map<string, string>();
  const collected = { 'volume-label': new Map<string, string>(), 'volume-opt': new Map<string, string>() };
  for (const field of parseCsvLine(text)) {
    const [rawKey, value] = cut(field, '=') ?? [field, null];
    const key = SYNONYMS[rawKey.toLowerCase()] ?? rawKey.toLowerCase();
    if (!KNOWN.has(key) && !COLLECTED.includes(key)) throw new ValueError(`'${rawKey}' is unknown`);
    if (value === null && !SWITCHES.includes(key)) throw new ValueError(`'${rawKey}' has no value`);
    if (value !== null && (value.trim() !== value || value === '')) {
      throw new ValueError(`the value of '${rawKey}' is empty, or has blanks around it`);
    }
    if (key === 'volume-label' || key === 'volume-opt') {
      const [name, content] = requireKeyValue(value ?? '');
      collected[key].set(name, content);
      continue;
    }
    if (single.has(key)) throw new ValueError(`'${rawKey}' stands there twice`);
    single.set(key, value ?? 'true');
  }
  return {
    single,
    labels: Object.fromEntries(collected['volume-label']),
    options: Object.fromEntries(collected['volume-opt']),
  };
}

function oneOf(key: string, value: string, allowed: readonly string[]): string {
  if (!allowed.includes(value)) throw new ValueError(`'${key}' is ${allowed.join(', ')}`);
  return value;
}

/** What of these has a value; undefined where nothing has. */
function withContent<T extends object>(options: T): T | undefined {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined && value !== false);
  return entries.length === 0 ? undefined : (Object.fromEntries(entries) as T);
}

function subpath(text: string | undefined): string | undefined {
  if (text !== undefined && (text.startsWith('/') || text.split('/').includes('..'))) {
    throw new ValueError('a subpath leads nowhere but down');
  }
  return text;
}

function fileMode(text: string): number {
  if (!/^[0-7]{1,5}$/.test(text)) throw new ValueError("'tmpfs-mode' is octal, such as 1777");
  return Number.parseInt(text, 8);
}

function readSource(type: MountType, source: string | undefined): string | undefined {
  if (type === 'tmpfs') {
    if (source !== undefined) throw new ValueError('a tmpfs has no source');
    return undefined;
  }
  if (source === undefined) {
    if (type !== 'volume') throw new ValueError('source is missing');
    return undefined;
  }
  if (type === 'bind') return requireHostPath(source);
  return type === 'volume' ? requireVolumeName(source) : source;
}

function bindOptions(field: (key: string) => string | undefined, isOn: (key: string) => boolean) {
  const recursive = field('bind-recursive');
  if (recursive !== undefined) {
    oneOf('bind-recursive', recursive, ['enabled', 'disabled', 'writable', 'readonly']);
    if (field('bind-nonrecursive') !== undefined) throw new ValueError('bind-recursive is said twice');
  }
  const isReadOnly = isOn('readonly');
  if ((recursive === 'writable' || recursive === 'readonly') && !isReadOnly) {
    throw new ValueError(`bind-recursive=${recursive} needs readonly`);
  }
  const propagation = field('bind-propagation')?.toLowerCase();
  if (propagation !== undefined) oneOf('bind-propagation', propagation, PROPAGATIONS);
  if (recursive === 'readonly' && propagation !== 'rprivate') {
    throw new ValueError('bind-recursive=readonly needs bind-propagation=rprivate');
  }
  return {
    ...(propagation !== undefined && { Propagation: propagation }),
    NonRecursive: recursive === 'disabled' || isOn('bind-nonrecursive'),
    CreateMountpoint: isOn('bind-create-src'),
    ReadOnlyNonRecursive: recursive === 'writable',
    ReadOnlyForceRecursive: recursive === 'readonly',
  };
}

/** One mount: `type=bind,source=/srv/x,target=/x,readonly`, as `--mount` has it. @throws ValueError */
export function parseMount(text: string): Mount {
  const { single, labels, options } = readFields(text);
  const field = (key: string) => single.get(key);
  const isOn = (key: string) => {
    const value = single.get(key);
    if (value === undefined) return false;
    return ['true', '1'].includes(oneOf(key, value, ['true', 'false', '1', '0']));
  };
  const type = (field('type') ?? 'volume').toLowerCase();
  if (!TYPES.includes(type)) throw new ValueError(`the type '${type}' ${ELSEWHERE[type] ?? 'is unknown'}`);
  for (const key of [
    ...single.keys(),
    ...(Object.keys({ ...labels, ...options }).length > 0 ? ['volume-'] : []),
  ]) {
    const owner = /^(bind|volume|image|tmpfs)-/.exec(key)?.[1];
    if (owner !== undefined && owner !== type) throw new ValueError(`'${owner}-…' is no option of a ${type}`);
  }
  const target = field('target');
  if (target === undefined) throw new ValueError('target is missing');
  const source = readSource(type as MountType, field('source'));
  const consistency = field('consistency')?.toLowerCase();
  if (consistency !== undefined) {
    oneOf('consistency', consistency, ['default', 'consistent', 'cached', 'delegated']);
  }
  const driver = withContent({ Name: field('volume-driver'), Options: filled(options) });
  const size = field('tmpfs-size');
  const mode = field('tmpfs-mode');
  const extras = {
    BindOptions: withContent(bindOptions(field, isOn)),
    VolumeOptions: withContent({
      NoCopy: isOn('volume-nocopy'),
      Labels: filled(labels),
      Subpath: subpath(field('volume-subpath')),
      DriverConfig: driver,
    }),
    ImageOptions: withContent({ Subpath: subpath(field('image-subpath')) }),
    TmpfsOptions: withContent({
      SizeBytes: size === undefined ? undefined : parseSize(size),
      Mode: mode === undefined ? undefined : fileMode(mode),
    }),
  };
  if (extras.VolumeOptions?.Subpath !== undefined && source === undefined) {
    throw new ValueError('a subpath needs a volume that has a name');
  }
  return {
    Type: type as MountType,
    Target: requireContainerPath(target),
    ...(source !== undefined && { Source: source }),
    ...(isOn('readonly') && { ReadOnly: true }),
    ...(consistency !== undefined && { Consistency: consistency }),
    ...withContent(extras),
  } as Mount;
}

const filled = (record: Readonly<Record<string, string>>) =>
  Object.keys(record).length === 0 ? undefined : record;
