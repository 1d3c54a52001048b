// SPDX-License-Identifier: Apache-2.0
import type {
  DeviceMapping,
  DeviceRequest,
  ThrottleDevice,
  WeightDevice,
} from '../../engine/container-spec.ts';
import { ValueError } from '../errors.ts';
import { cut, parseCsvLine, requireKeyValue } from './key-values.ts';
import { parseSize, parseWhole } from './numbers.ts';
import { normalizePath, requireContainerPath, requireHostPath } from './paths.ts';

/** `vendor/class=name` of the Container Device Interface. */
const QUALIFIED =
  /^[A-Za-z]([A-Za-z0-9_.-]*[A-Za-z0-9])?\/[A-Za-z]([A-Za-z0-9_.-]*[A-Za-z0-9])?=[A-Za-z0-9]([A-Za-z0-9_.:-]*[A-Za-z0-9])?$/;
const RULE = /^[acb] (?:\d{1,10}|\*):(?:\d{1,10}|\*) [rwm]{1,3}$/;
const MAX_RATE = Number.MAX_SAFE_INTEGER;

export const isQualifiedDevice = (text: string): boolean => QUALIFIED.test(text);

/** `rwm` or a part of it, each once. */
const isAccess = (text: string) => /^[rwm]{1,3}$/.test(text) && new Set(text).size === text.length;

/** `HOST[:CONTAINER][:ACCESS]`. @throws ValueError */
export function parseDevice(text: string): DeviceMapping {
  const [source = '', second, third, ...more] = text.split(':');
  if (more.length > 0) throw new ValueError('HOST:CONTAINER:rwm is expected');
  requireHostPath(source);
  if (second === undefined || (third === undefined && isAccess(second))) {
    const path = normalizePath(source);
    return { PathOnHost: path, PathInContainer: path, CgroupPermissions: second ?? 'rwm' };
  }
  if (third !== undefined && !isAccess(third)) throw new ValueError('the access is a part of rwm');
  requireContainerPath(second);
  return {
    PathOnHost: source,
    PathInContainer: third === undefined ? normalizePath(second) : second,
    CgroupPermissions: third ?? 'rwm',
  };
}

/** `c 1:3 rwm`. @throws ValueError */
export function requireDeviceRule(text: string): string {
  if (!RULE.test(text)) throw new ValueError("a rule such as 'c 1:3 rwm' is expected");
  return text;
}

function splitBlockDevice(text: string): readonly [string, string] {
  const parts = cut(text, ':');
  if (parts === null || !parts[0].startsWith('/dev/')) throw new ValueError('/dev/DEVICE:NUMBER is expected');
  return parts;
}

/** `/dev/sda:1mb`, bytes a second. @throws ValueError */
export function parseByteRate(text: string): ThrottleDevice {
  const [path, rate] = splitBlockDevice(text);
  return { Path: path, Rate: parseSize(rate) };
}

/** `/dev/sda:1000`, operations a second. @throws ValueError */
export function parseOperationRate(text: string): ThrottleDevice {
  const [path, rate] = splitBlockDevice(text);
  return { Path: path, Rate: parseWhole(rate, 0, MAX_RATE) };
}

/** Of the weight of block devices: 0 is none. @throws ValueError */
export function parseWeight(text: string): number {
  const weight = parseWhole(text, 0, 1000);
  if (weight > 0 && weight < 10) throw new ValueError('a weight is from 10 to 1000, or 0 for none');
  return weight;
}

/** `/dev/sda:500`. @throws ValueError */
export function parseDeviceWeight(text: string): WeightDevice {
  const [path, weight] = splitBlockDevice(text);
  return { Path: path, Weight: parseWeight(weight) };
}

const gpuCount = (text: string) => (text === 'all' ? -1 : parseWhole(text, -1, 1024));

/** `all`, a number, or `device=0,capabilities=utility`. @throws ValueError */
export function parseGpus(text: string): DeviceRequest {
  const seen = new Map<string, string>();
  for (const field of parseCsvLine(text)) {
    const [key, value] = cut(field, '=') ?? ['count', field];
    if (!['driver', 'count', 'device', 'capabilities', 'options'].includes(key)) {
      throw new ValueError(`'${key}' is unknown`);
    }
    if (seen.has(key)) throw new ValueError(`'${key}' stands there twice`);
    seen.set(key, value);
  }
  const count = seen.get('count');
  const driver = seen.get('driver');
  const devices = seen.get('device')?.split(',');
  const options = seen.get('options');
  const capabilities = seen.get('capabilities')?.split(',') ?? [];
  if (options !== undefined) parseCsvLine(options).forEach(requireKeyValue);
  return {
    ...(driver !== undefined && { Driver: driver }),
    Count: count !== undefined ? gpuCount(count) : devices === undefined ? 1 : 0,
    ...(devices !== undefined && { DeviceIDs: devices }),
    Capabilities: [[...capabilities, 'gpu']],
    Options: options === undefined ? {} : Object.fromEntries(parseCsvLine(options).map(requireKeyValue)),
  };
}
