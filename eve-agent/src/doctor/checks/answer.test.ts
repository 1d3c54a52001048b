import { expect, test } from 'vitest';
import { editDistance } from '../edit-distance.ts';
import { nearestName } from './answer.ts';

test.each([
  ['', '', 0],
  ['ds', '', 2],
  ['kitten', 'sitting', 3],
  ['ds.local', 'sd.local', 2],
])('from "%s" to "%s" it takes %i', (left, right, distance) => {
  expect(editDistance(left, right)).toBe(distance);
  expect(editDistance(right, left)).toBe(distance);
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
