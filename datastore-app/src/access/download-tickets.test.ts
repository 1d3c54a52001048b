// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { createDownloadTickets } from './download-tickets.ts';

it('counts for its path, for its time, and in the process that made it', () => {
  let nowMs = 1000;
  const tickets = createDownloadTickets({ now: () => nowMs });
  const ticket = tickets.issue('linux/disk.img');
  expect(tickets.isValid('linux/disk.img', ticket)).toBe(true);
  expect(tickets.isValid('linux/other.img', ticket)).toBe(false);
  expect(createDownloadTickets({ now: () => nowMs }).isValid('linux/disk.img', ticket)).toBe(false);
  nowMs += tickets.lifetimeSeconds * 1000 - 1000;
  expect(tickets.isValid('linux/disk.img', ticket)).toBe(true);
  nowMs += 1000;
  expect(tickets.isValid('linux/disk.img', ticket)).toBe(false);
});

it.each([
  '',
  '.',
  'abc',
  `zzzzzzzzzzzz.${'A'.repeat(43)}`,
  `zzzzzzzzzzzz.${'A'.repeat(4300)}`,
  `-1.${'A'.repeat(43)}`,
])('takes %s for none', (ticket) => {
  expect(createDownloadTickets().isValid('a', ticket)).toBe(false);
});

it('cannot be given a later end', () => {
  const tickets = createDownloadTickets();
  const seal = tickets.issue('a').split('.')[1];
  expect(tickets.isValid('a', `zzzzzzzz.${seal}`)).toBe(false);
});
