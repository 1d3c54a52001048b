// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { assignImages } from './assigned-images.ts';
import { decideRegistry } from './registry-policy.ts';

const DEVICE = '6f1c2a3b-0000-4000-8000-000000000001';
const REGISTRY = '00000000-0000-4000-8000-00000000000a';
const SHA = 'AB'.repeat(32);
let serial = 0;

const registry = (fields: object = {}) => ({
  ...{ id: REGISTRY, dType: 'DsContainerRegistry', fqdn: 'docker://ds.local', ...fields },
});
const tree = (url: string, fields: object = {}) => {
  serial += 1;
  const uuid = `00000000-0000-4000-8000-${String(serial).padStart(12, '0')}`;
  return { uuid, URL: url, iformat: 'CONTAINER', dsIdsList: [REGISTRY], ...fields };
};
const configuration = (contentInfo: object[], fields: object = {}) => ({
  ...{ id: { uuid: DEVICE, version: '4' }, datastores: [registry()], contentInfo, ...fields },
});
const assign = (...documents: unknown[]) =>
  assignImages(
    documents.map((document, index) => ({ name: `${index}.json`, document })),
    (host) => host.toLowerCase() === 'ds.local' || host === '10.1.0.5',
  );
function pulled(documents: unknown[], repository: string, device = DEVICE) {
  const rules = { isPullOpen: false, grants: assign(...documents).grants };
  const resource = { kind: 'repository', name: repository } as const;
  const right = decideRegistry({ kind: 'device', id: device }, 'pull', resource, rules);
  return right.kind === 'images' ? right.references : right.kind;
}

it.each([
  ['lab/cam/detector:3', {}, 'lab/cam/detector', ['3']],
  ['/lab/cam//detector:3', {}, 'lab/cam/detector', ['3']],
  ['lab/cam/detector', {}, 'lab/cam/detector', ['latest']],
  [`detector@sha256:${'ab'.repeat(32)}`, {}, 'detector', [`sha256:${'ab'.repeat(32)}`]],
  ['detector:3', { sha256: SHA }, 'detector', ['3', `sha256:${SHA.toLowerCase()}`]],
  ['detector:3', { dsIdsList: [], dsId: REGISTRY.toUpperCase() }, 'detector', ['3']],
  ['Detector:3', {}, 'detector', 'none'],
  ['../detector:3', {}, 'detector', 'none'],
  ['detector:3', { iformat: 'QCOW2', sha256: SHA }, 'detector', 'none'],
  ['detector:3', { dsIdsList: ['00000000-0000-4000-8000-00000000000b'] }, 'detector', 'none'],
  ['detector:3', {}, 'other', 'none'],
])('%s %j assigns of %s: %j', (url, fields, repository, references) => {
  expect(pulled([configuration([tree(url, fields)])], repository)).toEqual(references);
});

it.each([
  [{ fqdn: 'ds.local' }, true],
  [{ fqdn: 'DS.local:8080' }, true],
  [{ fqdn: 'https://10.1.0.5/path' }, true],
  [{ fqdn: 'docker://index.docker.io' }, false],
  [{ fqdn: 'docker://ds.local.example' }, false],
  [{ fqdn: '' }, false],
  [{ dType: 'DsHttp' }, false],
])('a datastore %j is this registry: %s', (fields, isOurs) => {
  const document = configuration([tree('lab/app:1')], { datastores: [registry(fields)] });
  expect(pulled([document], 'lab/app')).toEqual(isOurs ? ['1'] : 'none');
});

it('comes after the folder of the datastore', () => {
  const document = configuration([tree('app:1')], { datastores: [registry({ dpath: '/lab/' })] });
  expect([pulled([document], 'lab/app'), pulled([document], 'app')]).toEqual([['1'], 'none']);
});

it('is of the device that the configuration is for, in an envelope or without, and of all where it says none', () => {
  const other = DEVICE.replace(/1$/, '2');
  const enveloped = { config: configuration([tree('app:1')]) };
  expect([pulled([enveloped], 'app'), pulled([enveloped], 'app', other)]).toEqual([['1'], 'none']);
  const common = configuration([tree('app:1')], { id: undefined });
  expect([pulled([common], 'app'), pulled([common], 'app', other)]).toEqual([['1'], ['1']]);
});

it('puts the files of one device together', () => {
  const datastores = { id: { uuid: DEVICE }, datastores: [registry()] };
  const trees = { id: { uuid: DEVICE }, contentInfo: [tree('app:1'), tree('app:2')] };
  expect(pulled([datastores, trees], 'app')).toEqual(['1', '2']);
});

it('says what is wrong with one, and takes the others', () => {
  const documents = [
    'no configuration',
    { error: 'not found' },
    configuration([tree('app:1'), { uuid: 'wrong' }]),
  ];
  expect(pulled(documents, 'app')).toEqual(['1']);
  expect(assign(...documents).problems).toEqual([
    expect.stringMatching(/^0\.json: .*no device configuration/),
    expect.stringMatching(/^1\.json: .*no device configuration/),
    expect.stringMatching(/^2\.json: contentInfo\[1\]/),
  ]);
});
