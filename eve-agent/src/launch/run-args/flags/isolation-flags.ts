// SPDX-License-Identifier: Apache-2.0
import { ValueError } from '../errors.ts';
import { isQualifiedDevice, parseDevice, parseGpus, requireDeviceRule } from '../grammar/devices.ts';
import { parseKeyValue } from '../grammar/key-values.ts';
import { requireContainerMode } from '../grammar/networks.ts';
import { parseCapability, parseSecurityOption, parseSysctl } from '../grammar/policies.ts';
import { hostList, hostText, type RunFlag, refused, used, usedSwitch } from './flag.ts';

/** One of these, or `container:NAME` where that may be. */
const namespaceMode =
  (modes: readonly string[], mayBeAnothers: boolean) =>
  (text: string): string => {
    if (modes.includes(text)) return text;
    if (mayBeAnothers && text.startsWith('container:')) return requireContainerMode(text);
    const known = [...modes.filter((mode) => mode !== ''), ...(mayBeAnothers ? ['container:NAME'] : [])];
    throw new ValueError(`${known.join(', ')} is expected`);
  };

function requireRuntimeName(text: string): string {
  if (!/^(?:[A-Za-z0-9][A-Za-z0-9._/-]*)?$/.test(text))
    throw new ValueError('the name of a runtime is expected');
  return text;
}

function requireCgroup(text: string): string {
  if (!/^[A-Za-z0-9_./:@\\-]*$/.test(text)) throw new ValueError('the path of a cgroup is expected');
  return text;
}

/** What parts a container from the host, and from others. */
export const ISOLATION_FLAGS: readonly RunFlag[] = [
  used('annotation', 'NAME=VALUE', 'HostConfig.Annotations', ({ host }, value) => {
    const [name, content] = parseKeyValue(value);
    host.Annotations = { ...host.Annotations, [name]: content };
  }),
  used('cap-add', 'CAPABILITY', 'HostConfig.CapAdd', ({ host }, value) => {
    host.CapAdd = [...new Set([...(host.CapAdd ?? []), parseCapability(value)])].sort();
  }),
  used('cap-drop', 'CAPABILITY', 'HostConfig.CapDrop', ({ host }, value) => {
    host.CapDrop = [...new Set([...(host.CapDrop ?? []), parseCapability(value)])].sort();
  }),
  used('cgroup-parent', 'PATH', 'HostConfig.CgroupParent', hostText('CgroupParent', requireCgroup)),
  used(
    'cgroupns',
    'host or private',
    'HostConfig.CgroupnsMode',
    hostText('CgroupnsMode', namespaceMode(['', 'host', 'private'], false)),
  ),
  used('device', 'HOST[:CONTAINER][:rwm]', 'HostConfig.Devices', ({ host, qualifiedDevices }, value) => {
    if (isQualifiedDevice(value)) qualifiedDevices.push(value);
    else host.Devices = [...(host.Devices ?? []), parseDevice(value)];
  }),
  used(
    'device-cgroup-rule',
    'TYPE MAJOR:MINOR rwm',
    'HostConfig.DeviceCgroupRules',
    hostList('DeviceCgroupRules', requireDeviceRule),
  ),
  used('gpus', 'all, NUMBER or device=…', 'HostConfig.DeviceRequests', ({ host }, value) => {
    host.DeviceRequests = [...(host.DeviceRequests ?? []), parseGpus(value)];
  }),
  used(
    'ipc',
    'MODE',
    'HostConfig.IpcMode',
    hostText('IpcMode', namespaceMode(['', 'none', 'private', 'shareable', 'host'], true)),
  ),
  refused('isolation', 'TECHNOLOGY', 'only Windows has it'),
  used(
    'pid',
    'host or container:NAME',
    'HostConfig.PidMode',
    hostText('PidMode', namespaceMode(['', 'host'], true)),
  ),
  usedSwitch('privileged', 'HostConfig.Privileged', ({ host }, isOn) => {
    host.Privileged = isOn;
  }),
  used('runtime', 'NAME', 'HostConfig.Runtime', hostText('Runtime', requireRuntimeName)),
  used('security-opt', 'OPTION', 'HostConfig.SecurityOpt', ({ host, files }, value) => {
    const option = parseSecurityOption(value);
    if (option.kind === 'option') {
      host.SecurityOpt = [...(host.SecurityOpt ?? []), option.text];
    } else if (option.kind === 'system-paths') {
      host.MaskedPaths = [];
      host.ReadonlyPaths = [];
    } else {
      files.push({ kind: 'seccomp', flag: '--security-opt', path: option.path });
    }
  }),
  used('sysctl', 'NAME=VALUE', 'HostConfig.Sysctls', ({ host }, value) => {
    const [name, content] = parseSysctl(value);
    host.Sysctls = { ...host.Sysctls, [name]: content };
  }),
  used('userns', 'host', 'HostConfig.UsernsMode', hostText('UsernsMode', namespaceMode(['', 'host'], false))),
  used('uts', 'host', 'HostConfig.UTSMode', hostText('UTSMode', namespaceMode(['', 'host'], false))),
];
