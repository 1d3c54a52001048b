import { expect, test } from 'vitest';
import { planServiceInstances } from './service-instances.ts';

const MAC = '02:16:3e:00:00:05';

test('names the workstation as Avahi does, the others by the host', () => {
  const instances = planServiceInstances('ds', MAC, [
    { service: 'workstation', port: 9 },
    { service: 'http', port: 80 },
    { service: 'https', port: 443 },
  ]);
  expect(instances.map(({ service, port, instanceName }) => ({ service, port, instanceName }))).toEqual([
    { service: 'workstation', port: 9, instanceName: `ds [${MAC}]` },
    { service: 'http', port: 80, instanceName: 'ds' },
    { service: 'https', port: 443, instanceName: 'ds' },
  ]);
  for (const { txt } of instances) expect(Object.keys(txt)).not.toEqual([]);
});

test('keeps an instance name within a label', () => {
  const longest = 'd'.repeat(63);
  const [workstation, http] = planServiceInstances(longest, MAC, [
    { service: 'workstation', port: 9 },
    { service: 'http', port: 80 },
  ]);
  expect(workstation?.instanceName).toBe(`${'d'.repeat(43)} [${MAC}]`);
  expect(http?.instanceName).toBe(longest);
});
