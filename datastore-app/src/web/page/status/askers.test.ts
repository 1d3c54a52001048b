// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { groupByAsker } from './askers.ts';

it('groups questions by who asked them, and where', () => {
  const query = (source: string, link: string, question: string) => ({
    ...{ at: '', count: 1 },
    ...{ source, interface: link, question },
  });
  const queries = [
    query('10.1.0.1', 'eth0', 'ds.local'),
    query('10.1.0.2', 'eth0', 'ds.local'),
    query('10.1.0.1', 'eth0', '_http._tcp.local'),
    query('10.1.0.1', 'eth1', 'ds.local'),
  ];
  expect(groupByAsker(queries)).toEqual([
    { source: '10.1.0.1', interface: 'eth0', queries: [queries[0], queries[2]] },
    { source: '10.1.0.2', interface: 'eth0', queries: [queries[1]] },
    { source: '10.1.0.1', interface: 'eth1', queries: [queries[3]] },
  ]);
  expect(groupByAsker([])).toEqual([]);
});
