// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { createQueryLog } from './queries.ts';

describe('the questions that were heard', () => {
  const HTTP = { source: '10.1.0.1', interface: 'eth0', question: '_http._tcp.local' };

  it('are counted by who asked what, and on which link', () => {
    let nowMs = 0;
    const log = createQueryLog({ now: () => nowMs });
    const others = [
      { ...HTTP, source: '10.1.0.2' },
      { ...HTTP, interface: 'eth1' },
      { ...HTTP, question: 'ds.local' },
    ];
    for (const query of [HTTP, ...others]) log.note(query);
    nowMs = 4000;
    log.note(HTTP);
    const first = '1970-01-01T00:00:00.000Z';
    expect(log.list()).toEqual([
      { ...HTTP, count: 2, firstAt: first, at: '1970-01-01T00:00:04.000Z' },
      ...others.reverse().map((query) => ({ ...query, count: 1, firstAt: first, at: first })),
    ]);
  });

  it('are forgotten where others come, those first that were asked longest ago', () => {
    const log = createQueryLog();
    log.note(HTTP);
    for (let i = 0; i < 150; i += 1) {
      log.note({ ...HTTP, source: `10.2.0.${i}` });
      log.note(HTTP);
    }
    const seen = log.list();
    expect(seen).toHaveLength(100);
    expect(seen.slice(0, 2)).toMatchObject([
      { source: '10.1.0.1', count: 151 },
      { source: '10.2.0.149', count: 1 },
    ]);
  });
});
