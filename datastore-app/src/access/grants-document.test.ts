// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { parseGrants } from './grants-document.ts';
import { decideRegistry } from './registry-policy.ts';

const HASH = `sha256$${'A'.repeat(43)}`;
const FINGERPRINT = 'ab'.repeat(32);
const FILE = '/state/grants.yaml';
const grant = (fields: object) => ({
  version: 1,
  grants: [{ who: 'user:alice', repositories: 'lab/**', actions: 'pull', ...fields }],
});

it('reads users, devices, grants and assignments', () => {
  const read = parseGrants(
    {
      version: 1,
      users: { alice: { password: HASH, groups: ['lab'] }, bob: { password: HASH } },
      devices: { '6F1C': { key: HASH, certificate: `sha256:${FINGERPRINT}` } },
      grants: [
        { who: ['user:alice', 'group:lab'], repositories: ['lab/**', 'base/*'], actions: ['pull', 'push'] },
        { who: 'device:6F1C', images: 'lab/cam/detector:3', actions: 'pull' },
        { who: 'device:*', images: [`lab/cam@sha256:${FINGERPRINT}`], actions: 'pull' },
      ],
      assignments: ['device.d/*.json', '/etc/datastore/device.d/*.json'],
    },
    FILE,
  );
  expect([...read.users.keys(), ...read.devices.keys()]).toEqual(['alice', 'bob', '6f1c']);
  expect(read.devices.get('6f1c')).toEqual({ key: HASH, certificate: FINGERPRINT });
  expect(read.assignments).toEqual(['/state/device.d/*.json', '/etc/datastore/device.d/*.json']);
  const rules = { isPullOpen: false, grants: read.grants };
  const pulls = (principal: Parameters<typeof decideRegistry>[0], name: string) =>
    decideRegistry(principal, 'pull', { kind: 'repository', name }, rules);
  expect(pulls({ kind: 'user', name: 'alice', groups: [] }, 'base/os')).toEqual({ kind: 'whole' });
  const references = [
    { kind: 'images', references: ['3'] },
    { kind: 'images', references: [`sha256:${FINGERPRINT}`] },
  ];
  expect(['lab/cam/detector', 'lab/cam'].map((name) => pulls({ kind: 'device', id: '6f1c' }, name))).toEqual(
    references,
  );
});

it.each([[{ version: 1 }], [{ version: 1, grants: [] }]])('may grant nothing: %j', (document) => {
  expect(parseGrants(document, FILE)).toMatchObject({ grants: [], assignments: [] });
});

describe('says what is wrong, and where', () => {
  it.each([
    [null, /version/],
    ['text', /keys with values expected/],
    [{ version: 2 }, /version: /],
    [{ version: 1, grant: [] }, /"grant"/],
    [{ version: 1, users: { 'a:b': { password: HASH } } }, /users\.a:b/],
    [{ version: 1, users: { alice: { password: HASH, groups: ['a b'] } } }, /users\.alice\.groups\[0\]/],
    [{ version: 1, devices: { d1: {} } }, /devices\.d1: key or certificate/],
    [{ version: 1, devices: { d1: { certificate: 'abc' } } }, /devices\.d1\.certificate: the sha256/],
    [grant({ who: 'alice' }), /grants\[0\]\.who/],
    [grant({ who: 'group:*' }), /grants\[0\]\.who/],
    [grant({ who: [] }), /grants\[0\]\.who/],
    [grant({ repositories: 'Lab/**' }), /grants\[0\]\.repositories/],
    [grant({ repositories: undefined }), /grants\[0\]: repositories or images/],
    [grant({ images: 'lab/cam' }), /grants\[0\]\.images/],
    [grant({ images: 'lab/cam:a b' }), /grants\[0\]\.images/],
    [grant({ images: 'lab/cam@sha256:00' }), /grants\[0\]\.images/],
    [grant({ actions: 'write' }), /grants\[0\]\.actions/],
    [grant({ who: 'device:*', actions: ['pull', 'push'] }), /devices and anonymous pull/],
    [grant({ who: 'anonymous', actions: 'delete' }), /devices and anonymous pull/],
    [grant({ action: 'pull' }), /grants\[0\]/],
  ])('%j', (document, why) => expect(() => parseGrants(document, FILE)).toThrow(why));
});

it('does not repeat a password that stands there in place of its hash', () => {
  const document = { version: 1, users: { alice: { password: 'secret-of-alice' } } };
  expect(() => parseGrants(document, FILE)).toThrow(/users\.alice\.password: scrypt/);
  expect(() => parseGrants(document, FILE)).not.toThrow('secret-of-alice');
});
