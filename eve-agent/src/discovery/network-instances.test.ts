import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseNetworkInstance, readNetworkInstances } from './network-instances.ts';

const status = (rest: object) =>
  JSON.stringify({ DisplayName: 'local', Type: 2, BridgeName: 'bn1', ...rest });

test.each([
  [
    'with one address an app',
    { '02:16:3e:00:00:01': { IPv4Addr: '10.1.0.5', IPv6Addrs: null } },
    ['10.1.0.5'],
  ],
  [
    'with several',
    {
      '02:16:3e:00:00:01': { IPv4Addrs: [{ Address: '10.1.0.5', AssignedBy: 1 }, { Address: '10.1.0.6' }] },
      '02:16:3e:00:00:02': { IPv4Addrs: null },
    },
    ['10.1.0.5', '10.1.0.6'],
  ],
  ['without any', null, []],
  ['with what is no IPv4 address', { a: { IPv4Addr: 'fd00::1' }, b: { IPv4Addr: '' } }, []],
])('reads an instance %s', (_what, assignments, addresses) => {
  expect(parseNetworkInstance(status({ IPAssignments: assignments }))).toEqual({
    bridgeName: 'bn1',
    assignedAddresses: addresses,
  });
});

test.each(['', '{', '[]', '{"BridgeName":""}', '{"BridgeName":5}', status({ IPAssignments: [] })])(
  'passes over %s',
  (text) => {
    expect(parseNetworkInstance(text)).toBeUndefined();
  },
);

test('reads the documents of a folder, and nothing where there is none', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'zedrouter-'));
  await writeFile(join(folder, 'a.json'), status({}));
  await writeFile(join(folder, 'b.json'), 'half a docu');
  await writeFile(join(folder, 'c.txt'), status({ BridgeName: 'bn9' }));
  await writeFile(join(folder, 'd.json'), ' '.repeat(2 * 1024 * 1024));
  expect(readNetworkInstances(folder)).toEqual([{ bridgeName: 'bn1', assignedAddresses: [] }]);
  await rm(folder, { recursive: true });
  expect(readNetworkInstances(folder)).toEqual([]);
});
