// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { nextInstanceName, partByType, planServiceInstances } from './service-instances.ts';

const MAC = '02:16:3e:00:00:05';

test('names the workstation as Avahi does, the others by the host', () => {
  const instances = planServiceInstances('ds', MAC, [
    { type: '_workstation._tcp', port: 9 },
    { type: '_http._tcp', port: 80 },
    { type: '_https._tcp', port: 443 },
  ]);
  expect(instances.map(({ type, port, instanceName }) => ({ type, port, instanceName }))).toEqual([
    { type: '_workstation._tcp', port: 9, instanceName: `ds [${MAC}]` },
    { type: '_http._tcp', port: 80, instanceName: 'ds' },
    { type: '_https._tcp', port: 443, instanceName: 'ds' },
  ]);
  for (const { txt } of instances) expect(txt.length).toBeGreaterThan(0);
});

test('keeps an instance name within a label', () => {
  const longest = 'd'.repeat(63);
  const [workstation, http] = planServiceInstances(longest, MAC, [
    { type: '_workstation._tcp', port: 9 },
    { type: '_http._tcp', port: 80 },
  ]);
  expect(workstation?.instanceName).toBe(`${'d'.repeat(43)} [${MAC}]`);
  expect(http?.instanceName).toBe(longest);
});

test('takes name, subtypes and TXT as they are given; no text is one empty string', () => {
  const [given] = planServiceInstances('ds', MAC, [
    { type: '_ipp._tcp', port: 631, instanceName: 'Images', subtypes: ['_color'], txt: [] },
  ]);
  expect(given).toEqual({
    type: '_ipp._tcp',
    port: 631,
    instanceName: 'Images',
    subtypes: ['_color'],
    txt: [Buffer.alloc(0)],
  });
});

test('never publishes two instances of a type together', () => {
  const instances = planServiceInstances('ds', MAC, [
    { type: '_http._tcp', port: 80 },
    { type: '_http._tcp', port: 81, instanceName: 'b' },
    { type: '_https._tcp', port: 443 },
    { type: '_http._tcp', port: 82, instanceName: 'c' },
    { type: '_https._tcp', port: 444, instanceName: 'b' },
  ]);
  expect(partByType(instances).map((part) => part.map(({ port }) => port))).toEqual([
    [80, 443],
    [81, 444],
    [82],
  ]);
});

test.each([
  ['Images', 'Images #2'],
  ['Images #2', 'Images #3'],
  ['Images #9', 'Images #10'],
  ['Images (2)', 'Images (2) #2'],
  ['d'.repeat(63), `${'d'.repeat(60)} #2`],
  ['ä'.repeat(31), `${'ä'.repeat(30)} #2`],
])('after %j comes %j', (name, next) => {
  expect(nextInstanceName(name)).toBe(next);
  expect(Buffer.byteLength(next)).toBeLessThanOrEqual(63);
});
