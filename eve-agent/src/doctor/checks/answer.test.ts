// SPDX-License-Identifier: Apache-2.0
import { editDistance } from '@local-datastore/shared/text/edit-distance';
import { expect, test } from 'vitest';
import { nearestText } from '../nearest-text.ts';
import { a, describeCheck, heard, multicastOf, OF_IMAGE } from '../test-fixtures.ts';
import { answerCheck, nearestName } from './answer.ts';

test.each([
  ['', '', 0],
  ['ds', '', 2],
  ['kitten', 'sitting', 3],
  ['ds.local', 'sd.local', 1],
])('from "%s" to "%s" it takes %i', (left, right, distance) => {
  expect(editDistance(left, right)).toBe(distance);
  expect(editDistance(right, left)).toBe(distance);
});

test.each([
  ['1', ['2', '1.0', 'latest'], '1.0'],
  ['1', ['2', 'latest'], undefined],
  ['lastest', ['stable', 'latest'], 'latest'],
  ['v1.2.3', ['v1.2.4', 'v9'], 'v1.2.4'],
  ['Latest', ['latest'], 'latest'],
  ['x', [], undefined],
])('the text most like %s among %j is %s', (wanted, texts, nearest) => {
  expect(nearestText(wanted, texts)).toBe(nearest);
});

test.each([
  ['ds.local', ['printer.local', 'dss.local'], 'dss.local'],
  ['datastore.local', ['datastroe.local', 'datastore-2.local'], 'datastroe.local'],
  ['datastore.local', ['datastore-2.local'], 'datastore-2.local'],
  ['ds.local', ['my-ds.local'], 'my-ds.local'],
  ['ds.local', ['DS2.local'], 'DS2.local'],
  ['ds.local', ['printer.local', 'camera.local'], undefined],
  ['ds.local', [], undefined],
])('the name most like %s among %j is %s', (wanted, names, nearest) => {
  expect(nearestName(wanted, names)).toBe(nearest);
});

const heardOnly = (name: string) => ({ multicast: multicastOf([heard([a('10.1.0.9', name)])]) });

describeCheck(answerCheck, {
  'the host': { outcome: 'ok', says: 'ds.local on bn1' },
  'nothing that was asked': { evidence: { multicast: null }, outcome: 'skipped' },
  nobody: { evidence: { multicast: multicastOf([]) }, outcome: 'skipped' },
  'another host': {
    evidence: heardOnly('printer.local'),
    outcome: ['problem name-not-heard datastoreNotFound'],
    says: 'there is printer.local on bn1',
  },
  'no host at all': {
    evidence: { multicast: multicastOf([heard([])]) },
    outcome: ['problem name-not-heard datastoreNotFound'],
    says: 'what was heard names no host',
  },
  'a host of a similar name': {
    evidence: heardOnly('ds2.local'),
    outcome: ['problem near-miss datastoreNotFound'],
    says: 'did you mean http://ds2.local/a.img?',
  },
  'a registry of a similar name': {
    evidence: { ...heardOnly('ds2.local'), image: { ...OF_IMAGE, name: 'ds.local:5000/a:1' } },
    outcome: ['problem near-miss datastoreNotFound'],
    says: 'did you mean docker://ds2.local:5000/a:1?',
  },
});
