// SPDX-License-Identifier: Apache-2.0
import { ValueError } from '../errors.ts';
import { parseByteRate, parseDeviceWeight, parseOperationRate, parseWeight } from '../grammar/devices.ts';
import { parseDecimal, parseSize, parseWhole } from '../grammar/numbers.ts';
import { parseUlimit } from '../grammar/policies.ts';
import { hostNumber, hostText, hostWhole, type RunFlag, refused, used, usedSwitch } from './flag.ts';

/** Billionths of a core, with nine decimals. */
const CPU_DECIMALS = 9;

function requireCpuSet(text: string): string {
  if (!/^(?:\d{1,5}(?:-\d{1,5})?(?:,\d{1,5}(?:-\d{1,5})?)*)?$/.test(text)) {
    throw new ValueError('a list such as 0-3 or 0,1 is expected');
  }
  return text;
}

const WINDOWS = 'only Windows has it';

/** How much of the host a container may take. */
export const RESOURCE_FLAGS: readonly RunFlag[] = [
  used('blkio-weight', 'NUMBER', 'HostConfig.BlkioWeight', hostNumber('BlkioWeight', parseWeight)),
  used('blkio-weight-device', '/dev/DEVICE:NUMBER', 'HostConfig.BlkioWeightDevice', ({ host }, value) => {
    host.BlkioWeightDevice = [...(host.BlkioWeightDevice ?? []), parseDeviceWeight(value)];
  }),
  refused('cpu-count', 'NUMBER', WINDOWS),
  refused('cpu-percent', 'NUMBER', WINDOWS),
  used('cpu-period', 'MICROSECONDS', 'HostConfig.CpuPeriod', hostWhole('CpuPeriod', 0)),
  used('cpu-quota', 'MICROSECONDS', 'HostConfig.CpuQuota', hostWhole('CpuQuota', -1)),
  used('cpu-rt-period', 'MICROSECONDS', 'HostConfig.CpuRealtimePeriod', hostWhole('CpuRealtimePeriod', 0)),
  used('cpu-rt-runtime', 'MICROSECONDS', 'HostConfig.CpuRealtimeRuntime', hostWhole('CpuRealtimeRuntime', 0)),
  used('cpu-shares', 'NUMBER', 'HostConfig.CpuShares', hostWhole('CpuShares', 0), { short: 'c' }),
  used(
    'cpus',
    'NUMBER',
    'HostConfig.NanoCpus',
    hostNumber('NanoCpus', (text) => parseDecimal(text, CPU_DECIMALS)),
  ),
  used('cpuset-cpus', 'LIST', 'HostConfig.CpusetCpus', hostText('CpusetCpus', requireCpuSet)),
  used('cpuset-mems', 'LIST', 'HostConfig.CpusetMems', hostText('CpusetMems', requireCpuSet)),
  used('device-read-bps', '/dev/DEVICE:SIZE', 'HostConfig.BlkioDeviceReadBps', ({ host }, value) => {
    host.BlkioDeviceReadBps = [...(host.BlkioDeviceReadBps ?? []), parseByteRate(value)];
  }),
  used('device-read-iops', '/dev/DEVICE:NUMBER', 'HostConfig.BlkioDeviceReadIOps', ({ host }, value) => {
    host.BlkioDeviceReadIOps = [...(host.BlkioDeviceReadIOps ?? []), parseOperationRate(value)];
  }),
  used('device-write-bps', '/dev/DEVICE:SIZE', 'HostConfig.BlkioDeviceWriteBps', ({ host }, value) => {
    host.BlkioDeviceWriteBps = [...(host.BlkioDeviceWriteBps ?? []), parseByteRate(value)];
  }),
  used('device-write-iops', '/dev/DEVICE:NUMBER', 'HostConfig.BlkioDeviceWriteIOps', ({ host }, value) => {
    host.BlkioDeviceWriteIOps = [...(host.BlkioDeviceWriteIOps ?? []), parseOperationRate(value)];
  }),
  refused('io-maxbandwidth', 'SIZE', WINDOWS),
  refused('io-maxiops', 'NUMBER', WINDOWS),
  refused('kernel-memory', 'SIZE', 'the kernel no longer has this limit; --memory counts its memory too'),
  used('memory', 'SIZE', 'HostConfig.Memory', hostNumber('Memory', parseSize), { short: 'm' }),
  used(
    'memory-reservation',
    'SIZE',
    'HostConfig.MemoryReservation',
    hostNumber('MemoryReservation', parseSize),
  ),
  used(
    'memory-swap',
    'SIZE or -1',
    'HostConfig.MemorySwap',
    hostNumber('MemorySwap', (text) => (text === '-1' ? -1 : parseSize(text))),
  ),
  used(
    'memory-swappiness',
    '0 to 100, or -1',
    'HostConfig.MemorySwappiness',
    hostNumber('MemorySwappiness', (text) => parseWhole(text, -1, 100)),
  ),
  usedSwitch('oom-kill-disable', 'HostConfig.OomKillDisable', ({ host }, isOn) => {
    host.OomKillDisable = isOn;
  }),
  used('oom-score-adj', '-1000 to 1000', 'HostConfig.OomScoreAdj', hostWhole('OomScoreAdj', -1000, 1000)),
  used('pids-limit', 'NUMBER or -1', 'HostConfig.PidsLimit', hostWhole('PidsLimit', -1)),
  used('shm-size', 'SIZE', 'HostConfig.ShmSize', hostNumber('ShmSize', parseSize)),
  used('ulimit', 'NAME=SOFT[:HARD]', 'HostConfig.Ulimits', ({ ulimits }, value) => {
    const ulimit = parseUlimit(value);
    ulimits.set(ulimit.Name, ulimit);
  }),
];
