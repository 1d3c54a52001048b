// SPDX-License-Identifier: Apache-2.0
import { ValueError } from '../errors.ts';
import { cut, requireKeyValue } from '../grammar/key-values.ts';
import { parseMount } from '../grammar/mounts.ts';
import { requireContainerPath } from '../grammar/paths.ts';
import { bindText, parseVolume } from '../grammar/volumes.ts';
import { hostList, hostText, ours, type RunFlag, refused, used, usedSwitch } from './flag.ts';

function requireVolumesFrom(text: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]*(?::(?:ro|rw|z|Z)(?:,(?:ro|rw|z|Z))*)?$/.test(text)) {
    throw new ValueError('CONTAINER[:ro|rw] is expected');
  }
  return text;
}

function requireDriverName(text: string): string {
  if (!/^(?:[A-Za-z0-9][A-Za-z0-9._/:-]*)?$/.test(text))
    throw new ValueError('the name of a driver is expected');
  return text;
}

/** What a container keeps, and where its lines go. */
export const STORAGE_FLAGS: readonly RunFlag[] = [
  used('log-driver', 'NAME', 'HostConfig.LogConfig', (draft, value) => {
    draft.logDriver = requireDriverName(value);
  }),
  used(
    'log-opt',
    'NAME=VALUE',
    'HostConfig.LogConfig',
    ({ logOptions }, value) => {
      const [name, content] = requireKeyValue(value);
      logOptions.set(name, content);
    },
    { isSecret: true },
  ),
  used('mount', 'type=TYPE,source=SOURCE,target=PATH,…', 'HostConfig.Mounts', ({ host }, value) => {
    host.Mounts = [...(host.Mounts ?? []), parseMount(value)];
  }),
  usedSwitch('read-only', 'HostConfig.ReadonlyRootfs', ({ host }, isOn) => {
    host.ReadonlyRootfs = isOn;
  }),
  ours('rm', '', 'an old version is kept for a rollback, and removed with its anonymous volumes after that', {
    isSwitch: true,
  }),
  used('storage-opt', 'NAME=VALUE', 'HostConfig.StorageOpt', ({ host }, value) => {
    const [name, content] = requireKeyValue(value);
    host.StorageOpt = { ...host.StorageOpt, [name]: content };
  }),
  used('tmpfs', 'PATH[:OPTIONS]', 'HostConfig.Tmpfs', ({ host }, value) => {
    const [path, options] = cut(value, ':') ?? [value, ''];
    host.Tmpfs = { ...host.Tmpfs, [requireContainerPath(path)]: options };
  }),
  refused(
    'use-api-socket',
    '',
    'it also hands over the credentials of registries; say -v /var/run/docker.sock:/var/run/docker.sock, which needs the permissions docker-socket and host-path',
    { isSwitch: true },
  ),
  used(
    'volume',
    '[SOURCE:]PATH[:MODE]',
    'HostConfig.Binds, Volumes',
    ({ binds, volumes }, value) => {
      const volume = parseVolume(value);
      if (volume.kind === 'anonymous') volumes.add(volume.target);
      else binds.add(bindText(volume.source, volume.target, volume.mode));
    },
    { short: 'v' },
  ),
  used('volume-driver', 'NAME', 'HostConfig.VolumeDriver', hostText('VolumeDriver', requireDriverName)),
  used(
    'volumes-from',
    'CONTAINER[:MODE]',
    'HostConfig.VolumesFrom',
    hostList('VolumesFrom', requireVolumesFrom),
  ),
];
