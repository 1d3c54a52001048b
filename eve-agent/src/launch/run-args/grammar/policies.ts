// SPDX-License-Identifier: Apache-2.0
import type { RestartPolicy, Ulimit } from '../../engine/container-spec.ts';
import { ValueError } from '../errors.ts';
import { cut } from './key-values.ts';
import { parseWhole } from './numbers.ts';

const RESTARTS: readonly string[] = ['', 'no', 'always', 'on-failure', 'unless-stopped'];
const MAX_RETRIES = 1_000_000;

/** `no`, `always`, `unless-stopped`, `on-failure[:TIMES]`. @throws ValueError */
export function parseRestart(text: string): RestartPolicy {
  const [name, count] = cut(text, ':') ?? [text, null];
  if (!RESTARTS.includes(name)) {
    throw new ValueError('no, always, unless-stopped or on-failure[:TIMES] is expected');
  }
  if (count !== null && name !== 'on-failure') throw new ValueError('only on-failure counts');
  return {
    Name: name as RestartPolicy['Name'],
    ...(count !== null && { MaximumRetryCount: parseWhole(count, 0, MAX_RETRIES) }),
  };
}

const ULIMITS = new Set([
  ...['core', 'cpu', 'data', 'fsize', 'locks', 'memlock', 'msgqueue', 'nice', 'nofile', 'nproc', 'rss'],
  ...['rtprio', 'rttime', 'sigpending', 'stack'],
]);

/** `NAME=SOFT[:HARD]`; -1 is no limit. @throws ValueError */
export function parseUlimit(text: string): Ulimit {
  const [name, limits] = cut(text, '=') ?? [text, ''];
  if (!ULIMITS.has(name)) throw new ValueError(`'${name}' is no limit; known are ${[...ULIMITS].join(', ')}`);
  const [softText, hardText] = cut(limits, ':') ?? [limits, limits];
  const Soft = parseWhole(softText, -1, Number.MAX_SAFE_INTEGER);
  const Hard = parseWhole(hardText, -1, Number.MAX_SAFE_INTEGER);
  if (Hard !== -1 && (Soft === -1 || Soft > Hard))
    throw new ValueError('the soft limit is above the hard one');
  return { Name: name, Soft, Hard };
}

/** What of the kernel has a namespace; the engine takes no other (docker's `ValidateSysctl`). */
const SYSCTLS =
  /^(?:kernel\.(?:msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced)|(?:net|fs\.mqueue)\.[A-Za-z0-9_./-]+)$/;

/** `NAME=VALUE`. @throws ValueError */
export function parseSysctl(text: string): readonly [string, string] {
  const [name, value] = cut(text, '=') ?? [text, null];
  if (value === null) throw new ValueError('NAME=VALUE is expected');
  if (!SYSCTLS.test(name)) throw new ValueError(`'${name}' cannot be set for one container alone`);
  return [name, value];
}

/** One of `--security-opt`, with its name apart. */
export type SecurityOption =
  | { readonly kind: 'option'; readonly text: string }
  /** `systempaths=unconfined`, which the engine has fields of its own for. */
  | { readonly kind: 'system-paths' }
  /** A profile in a file of the host. */
  | { readonly kind: 'seccomp-file'; readonly path: string };

const SECURITY_OPTIONS = [
  'apparmor',
  'label',
  'seccomp',
  'no-new-privileges',
  'systempaths',
  'writable-cgroups',
];
const BUILT_IN_PROFILES = ['unconfined', 'builtin'];

/** @throws ValueError */
export function parseSecurityOption(text: string): SecurityOption {
  const [name, value] = cut(text, '=') ?? cut(text, ':') ?? [text, null];
  if (!SECURITY_OPTIONS.includes(name)) throw new ValueError(`'${name}' is unknown`);
  if (name === 'no-new-privileges') {
    if (value !== null && value !== 'true' && value !== 'false')
      throw new ValueError('true or false is expected');
    return { kind: 'option', text };
  }
  if (value === null || value === '') throw new ValueError(`'${name}' needs a value`);
  if (name === 'systempaths') {
    if (text !== 'systempaths=unconfined') throw new ValueError('systempaths=unconfined is expected');
    return { kind: 'system-paths' };
  }
  if (name === 'seccomp' && !BUILT_IN_PROFILES.includes(value)) {
    if (!value.startsWith('/')) throw new ValueError('the file of a profile must be absolute');
    return { kind: 'seccomp-file', path: value };
  }
  return { kind: 'option', text };
}

/** `CAP_NET_ADMIN` of `net_admin`; `ALL`. @throws ValueError */
export function parseCapability(text: string): string {
  const name = text.toUpperCase();
  if (!/^(?:CAP_)?[A-Z][A-Z_]{2,30}$/.test(name)) throw new ValueError(`'${text}' is no capability`);
  return name === 'ALL' || name.startsWith('CAP_') ? name : `CAP_${name}`;
}
