// SPDX-License-Identifier: Apache-2.0
import { SW_STATES } from '@local-datastore/shared/eve/sw-state';
import { describe, expect, it } from 'vitest';
import { CONTENT_EVENTS, CONTENT_STATES, nextState, TRANSITIONS } from './transitions.ts';

const pairs = CONTENT_STATES.flatMap((state) => CONTENT_EVENTS.map((event) => [state, event] as const));

describe('the table of transitions', () => {
  it('has exactly these rows', () => {
    const rows = pairs.flatMap(([state, event]) => {
      const next = TRANSITIONS[state][event];
      return next === undefined ? [] : [`${state} -${event}-> ${next}`];
    });
    expect(rows).toEqual([
      'INITIAL -resolution-started-> RESOLVING_TAG',
      'INITIAL -download-started-> DOWNLOADING',
      'INITIAL -found-pending-> DOWNLOADED',
      'INITIAL -found-verified-> VERIFIED',
      'RESOLVING_TAG -resolved-> RESOLVED_TAG',
      'RESOLVING_TAG -attempt-ended-> INITIAL',
      'RESOLVED_TAG -download-started-> DOWNLOADING',
      'DOWNLOADING -content-arrived-> DOWNLOADED',
      'DOWNLOADING -attempt-ended-> INITIAL',
      'DOWNLOADED -verification-started-> VERIFYING',
      'DOWNLOADED -content-lost-> INITIAL',
      'VERIFYING -download-started-> DOWNLOADING',
      'VERIFYING -digest-matched-> VERIFIED',
      'VERIFYING -digest-differed-> INITIAL',
      'VERIFYING -promotion-failed-> DOWNLOADED',
      'VERIFYING -attempt-ended-> INITIAL',
      'VERIFIED -content-lost-> INITIAL',
    ]);
  });

  it.each(pairs)('%s and %s: leads where the table says, or throws', (state, event) => {
    const next = TRANSITIONS[state][event];
    if (next === undefined)
      expect(() => nextState(state, event)).toThrow(`${event} cannot happen in ${state}`);
    else expect(nextState(state, event)).toBe(next);
  });

  it('reaches every state from INITIAL, and VERIFIED from every state', () => {
    const reachable = (from: (typeof CONTENT_STATES)[number]) => {
      const seen = new Set([from]);
      for (const state of seen) for (const next of Object.values(TRANSITIONS[state])) seen.add(next);
      return seen;
    };
    expect([...reachable('INITIAL')].sort()).toEqual([...CONTENT_STATES].sort());
    for (const state of CONTENT_STATES) expect(reachable(state)).toContain('VERIFIED');
  });

  it("keeps EVE's order", () => {
    const order = CONTENT_STATES.map((state) => SW_STATES.indexOf(state));
    expect(order).toEqual([...order].sort((left, right) => left - right));
  });

  it('reaches VERIFIED only from a digest that matched, or a file that was verified before', () => {
    const ways = pairs.filter(([state, event]) => TRANSITIONS[state][event] === 'VERIFIED');
    expect(ways).toEqual([
      ['INITIAL', 'found-verified'],
      ['VERIFYING', 'digest-matched'],
    ]);
  });
});
