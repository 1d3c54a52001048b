// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, test } from 'vitest';
import { createRandom } from '../../../../test/random.ts';
import { type SimulatedNtp, type SimulationOptions, simulateNtp, TRUE_START } from './simulated-ntp.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const running: SimulatedNtp[] = [];
afterEach(() => {
  for (const each of running.splice(0)) each.stop();
});
async function simulate(
  options: Partial<SimulationOptions>,
  chance: SimulationOptions['chance'] = createRandom(1),
): Promise<SimulatedNtp> {
  const simulated = await simulateNtp({ servers: [{}], chance, ...options });
  running.push(simulated);
  return simulated;
}
/** The greatest error of the clock while the time goes by, looked at each minute. */
function worstWithin(ntp: SimulatedNtp, milliseconds: number): number {
  let worst = 0;
  for (let passed = 0; passed < milliseconds; passed += MINUTE) {
    ntp.pass(MINUTE);
    worst = Math.max(worst, Math.abs(ntp.errorMs()));
  }
  return worst;
}
const roles = (ntp: SimulatedNtp, count: number) =>
  Array.from({ length: count }, (_, index) => ntp.source(index, 'role'));

describe('a clock that was never right', () => {
  test.each([
    ['of 1970', 0],
    ['of when the program was built', Date.parse('2026-11-01T00:00:00Z')],
    ['that is 14 h ahead', TRUE_START + 14 * HOUR],
    ['of the year 2099, which cannot be', Date.parse('2099-01-01T00:00:00Z')],
  ])('%s is set within ten seconds of the first answer', async (_, unixMs) => {
    const ntp = await simulate({ kernel: { unixMs } });
    ntp.pass(10 * SECOND);
    expect(Math.abs(ntp.errorMs())).toBeLessThan(2);
    // Then it is measured anew.
    ntp.pass(20 * SECOND);
    expect(ntp.key('state')).toBe('synchronized');
    expect(ntp.key('stratum')).toBe('3');
    expect(ntp.said).toEqual(['the clock was set', 'the clock follows its servers']);
    expect(ntp.asked[0]).toBeLessThanOrEqual(13);
  });

  test('is set again at once where the first answers were slow', async () => {
    // Half a second on the way back, until it was set.
    let delayMs: readonly [number, number] = [0.1, 0.4];
    const server = {
      get delayMs() {
        return delayMs;
      },
      reply: (asked: number) => {
        delayMs = asked < 4 ? [400, 401] : [0.1, 0.4];
        return {};
      },
    };
    const ntp = await simulate({ servers: [server], kernel: { unixMs: 0 } });
    ntp.pass(9 * SECOND);
    expect(Math.abs(ntp.errorMs())).toBeGreaterThan(128);
    ntp.pass(MINUTE);
    expect(Math.abs(ntp.errorMs())).toBeLessThan(1);
  });

  test('is set while one server dies', async () => {
    const dying = { isDown: (trueMs: number) => trueMs > 5 * SECOND };
    const ntp = await simulate({ servers: [dying, {}, {}], kernel: { unixMs: 0 } });
    ntp.pass(40 * SECOND);
    expect(Math.abs(ntp.errorMs())).toBeLessThan(1);
    ntp.pass(20 * SECOND);
    expect(ntp.key('state')).toBe('synchronized');
  });

  test('is not set back by years', async () => {
    const ntp = await simulate({ kernel: { unixMs: TRUE_START + 400 * DAY } });
    ntp.pass(MINUTE);
    expect(ntp.errorMs()).toBeCloseTo(400 * DAY, -1);
    expect(ntp.key('state')).toBe('refused');
    expect(ntp.key('answer')).toContain('backward');
  });

  test('waits for a server that starts later', async () => {
    const ntp = await simulate({
      kernel: { unixMs: 0 },
      servers: [{ isDown: (trueMs) => trueMs < 10 * MINUTE }],
    });
    ntp.pass(MINUTE);
    expect(ntp.key('state')).toBe('unreachable');
    ntp.pass(11 * MINUTE);
    expect(Math.abs(ntp.errorMs())).toBeLessThan(2);
  });
});

describe('one server', () => {
  test.each([0, 37, -200, 480])('makes a crystal that is off by %i ppm run right', async (driftPpm) => {
    const ntp = await simulate({ kernel: { driftPpm, unixMs: TRUE_START + 20 } });
    ntp.pass(HOUR);
    expect(Math.abs(ntp.frequencyPpm() + driftPpm)).toBeLessThan(1);
    expect(worstWithin(ntp, 12 * HOUR)).toBeLessThan(0.5);
    expect(ntp.key('state')).toBe('synchronized');
    // Once it runs well it is asked each 1,024 s.
    const askedBefore = ntp.asked[0] ?? 0;
    ntp.pass(DAY);
    expect((ntp.asked[0] ?? 0) - askedBefore).toBeLessThanOrEqual(86);
  });

  test('over a network with queues and losses is followed within some milliseconds', async () => {
    const servers = [{ delayMs: [10, 60] as const, loss: 0.2 }];
    const ntp = await simulate({ servers, kernel: { driftPpm: 50 } });
    ntp.pass(3 * HOUR);
    expect(worstWithin(ntp, 6 * HOUR)).toBeLessThan(15);
    expect(Math.abs(ntp.frequencyPpm() + 50)).toBeLessThan(10);
  });

  test('that dies leaves the clock at its frequency, and is asked less and less', async () => {
    const servers = [{ isDown: (trueMs: number) => trueMs > 4 * HOUR && trueMs < 28 * HOUR }];
    const ntp = await simulate({ servers, kernel: { driftPpm: 80 } });
    ntp.pass(4 * HOUR);
    expect(worstWithin(ntp, 24 * HOUR)).toBeLessThan(100);
    expect(ntp.key('state')).toBe('unreachable');
    expect(ntp.key('stratum')).toBe('16');
    expect(roles(ntp, 1)).toEqual(['unusable']);
    // Back, it is followed again.
    ntp.pass(HOUR);
    expect(ntp.key('state')).toBe('synchronized');
    expect(Math.abs(ntp.errorMs())).toBeLessThan(1);
  });

  test('whose answers lie once is not followed in that', async () => {
    const offsetMs = (trueMs: number) => (trueMs > HOUR && trueMs < HOUR + 4 * MINUTE ? 500 : 0);
    const ntp = await simulate({ servers: [{ offsetMs }] });
    ntp.pass(HOUR);
    expect(worstWithin(ntp, HOUR)).toBeLessThan(2);
  });
});

describe('a clock that was right', () => {
  const later = (sizeMs: number) => [{ offsetMs: (trueMs: number) => (trueMs > HOUR ? sizeMs : 0) }];

  test.each([60, -60])('is slewed by %i ms', async (sizeMs) => {
    const ntp = await simulate({ servers: later(sizeMs) });
    ntp.pass(HOUR);
    ntp.pass(2 * HOUR);
    expect(ntp.errorMs()).toBeCloseTo(sizeMs, 0);
    expect(ntp.said).not.toContain('the clock was set');
  });

  test.each([5000, -5000])('is set by %i ms once that has lasted for five minutes', async (sizeMs) => {
    const ntp = await simulate({ servers: later(sizeMs) });
    ntp.pass(HOUR + 4 * MINUTE);
    expect(Math.abs(ntp.errorMs())).toBeLessThan(1);
    // As often as the server is asked by then.
    ntp.pass(HOUR);
    expect(ntp.errorMs()).toBeCloseTo(sizeMs, 0);
    expect(ntp.said.filter((each) => each === 'the clock was set')).toHaveLength(1);
  });

  test('is not set by an hour, and why is shown', async () => {
    const ntp = await simulate({ servers: later(HOUR) });
    ntp.pass(DAY);
    expect(Math.abs(ntp.errorMs())).toBeLessThan(100);
    expect(ntp.key('state')).toBe('refused');
    expect(ntp.key('answer')).toContain('panic');
  });

  test('is not led away without bound by servers that all lie together', async () => {
    // Each time that the client has followed they are 999 s further.
    let lieMs = 0;
    const server = { offsetMs: () => lieMs };
    const ntp = await simulate({ servers: [server, server, server], kernel: { isSynchronized: true } });
    for (let turn = 0; turn < 100; turn += 1) {
      ntp.pass(HOUR);
      lieMs = ntp.errorMs() + 900 * SECOND;
    }
    // 1,000 s, and what comes back of it in 100 h; what can be slewed in that time is less than 3 min of it.
    expect(Math.abs(ntp.errorMs())).toBeLessThan(1_000_000 * (1 + 100 / (30 * 24)) + 100 * 3600 * 1.001);
    expect(Math.abs(ntp.errorMs())).toBeGreaterThan(800_000);
    expect(Math.abs(ntp.frequencyPpm())).toBeLessThanOrEqual(500);
  });

  test('that somebody sets is measured anew, and set back', async () => {
    const ntp = await simulate({ kernel: { driftPpm: 20 } });
    ntp.pass(2 * HOUR);
    ntp.kernel.setBy(30 * SECOND);
    ntp.pass(2 * HOUR);
    expect(Math.abs(ntp.errorMs())).toBeLessThan(1);
    expect(Math.abs(ntp.frequencyPpm() + 20)).toBeLessThan(1);
  });
});

describe('several servers', () => {
  test('leave out the one that is off', async () => {
    const ntp = await simulate({ servers: [{}, { offsetMs: () => 300 }, {}, {}], kernel: { unixMs: 0 } });
    ntp.pass(HOUR);
    expect(Math.abs(ntp.errorMs())).toBeLessThan(0.5);
    expect(roles(ntp, 4)[1]).toBe('falseticker');
    expect(roles(ntp, 4).filter((role) => role === 'system-peer')).toHaveLength(1);
    expect(roles(ntp, 4).filter((role) => role === 'candidate')).toHaveLength(2);
    expect(ntp.source(1, 'offset')).toMatch(/^(?:299|300)\.\d+$/);
  });

  test('of which two disagree leave nobody to be believed', async () => {
    const ntp = await simulate({ servers: [{}, { offsetMs: () => 300 }], kernel: { unixMs: 0 } });
    ntp.pass(HOUR);
    expect(ntp.kernel.unixMs()).toBeLessThan(2 * HOUR);
    expect(ntp.key('state')).toBe('no-agreement');
    expect(ntp.key('stratum')).toBe('16');
    expect(ntp.key('offset')).toBeUndefined();
    expect(roles(ntp, 2)).toEqual(['falseticker', 'falseticker']);
  });

  test('are followed by the majority when one after another begins to lie', async () => {
    const from = (hour: number) => ({ offsetMs: (trueMs: number) => (trueMs > hour * HOUR ? -7000 : 0) });
    const ntp = await simulate({ servers: [{}, from(1), {}, from(2), {}] });
    ntp.pass(HOUR);
    expect(worstWithin(ntp, 3 * HOUR)).toBeLessThan(1);
    expect(roles(ntp, 5).map((role) => role === 'falseticker')).toEqual([false, true, false, true, false]);
  });

  test('do not fall apart while the clock is slewed far', async () => {
    const servers = [{}, {}, {}, {}, {}];
    const ntp = await simulate({ servers, kernel: { unixMs: TRUE_START + 127, driftPpm: 300 } });
    ntp.pass(20 * SECOND);
    for (let step = 0; step < 60; step += 1) {
      ntp.pass(10 * SECOND);
      expect(ntp.key('state')).toBe('synchronized');
      expect(roles(ntp, 5)).not.toContain('falseticker');
    }
    ntp.pass(HOUR);
    expect(Math.abs(ntp.errorMs())).toBeLessThan(0.5);
  });

  test('have to be as many as is wanted', async () => {
    const isDown = (trueMs: number) => trueMs < HOUR;
    const ntp = await simulate({ servers: [{}, { isDown }], leastSources: 2, kernel: { unixMs: 0 } });
    ntp.pass(30 * MINUTE);
    expect(ntp.key('state')).toBe('no-agreement');
    expect(ntp.key('offset')).toBeUndefined();
    ntp.pass(HOUR);
    expect(Math.abs(ntp.errorMs())).toBeLessThan(1);
  });

  test('one of which smears a leap second are followed where the others are', async () => {
    // A second within a day, as public servers do it, beside three that insert it.
    const smear = (trueMs: number) => -Math.min(1000, Math.max(0, (trueMs - HOUR) / 86_400));
    const ntp = await simulate({ servers: [{ offsetMs: smear }, {}, {}, {}] });
    ntp.pass(HOUR);
    expect(worstWithin(ntp, DAY)).toBeLessThan(20);
    expect(roles(ntp, 4)[0]).toBe('falseticker');
  });

  test('that all smear are followed all the way', async () => {
    const smear = (trueMs: number) => -Math.min(1000, Math.max(0, (trueMs - HOUR) / 86_400));
    const server = { offsetMs: smear };
    const ntp = await simulate({ servers: [server, server, server] });
    ntp.pass(HOUR);
    for (let hour = 1; hour < 30; hour += 1) {
      ntp.pass(HOUR);
      expect(Math.abs(ntp.errorMs() - smear((hour + 1) * HOUR))).toBeLessThan(20);
    }
    expect(ntp.said).not.toContain('the clock was set');
  });
});

describe('a server that says no time', () => {
  test.each<[string, Parameters<typeof simulate>[0], string, string]>([
    [
      'is not synchronized',
      { servers: [{ reply: () => ({ leap: 3, stratum: 16 }) }] },
      'no-server-fit',
      'unsynchronized',
    ],
    [
      'is a second from its source',
      { servers: [{ reply: () => ({ rootDispersionMs: 1100 }) }] },
      'no-server-fit',
      '',
    ],
    ['is in 1970 itself', { servers: [{ offsetMs: () => -TRUE_START }] }, 'no-server-fit', 'before-build'],
    [
      'wants no clients',
      { servers: [{ reply: () => ({ stratum: 0, reference: 'DENY' }) }] },
      'denied',
      'kiss-DENY',
    ],
    [
      'allows no clients',
      { servers: [{ reply: () => ({ stratum: 0, reference: 'RSTR' }) }] },
      'denied',
      'kiss-RSTR',
    ],
    [
      'answers to what nobody asked',
      { servers: [{ reply: () => ({ originTimestamp: 1n }) }] },
      'unreachable',
      '',
    ],
    ['answers too much', { servers: [{ reply: () => ({ tail: Buffer.alloc(1000) }) }] }, 'unreachable', ''],
  ])('%s', async (_, options, state, trouble) => {
    const ntp = await simulate({ ...options, kernel: { unixMs: 0 } });
    ntp.pass(HOUR);
    expect(ntp.key('state')).toBe(state);
    expect(ntp.source(0, 'trouble')).toBe(trouble);
    expect(ntp.key('offset')).toBeUndefined();
    expect(ntp.kernel.unixMs()).toBeLessThan(2 * HOUR);
  });

  test('sends its client away is never asked again', async () => {
    const ntp = await simulate({ servers: [{ reply: () => ({ stratum: 0, reference: 'DENY' }) }] });
    ntp.pass(10 * DAY);
    expect(ntp.asked).toEqual([1]);
  });

  test('asks for less gets less', async () => {
    const reply = (asked: number) => (asked === 3 ? { stratum: 0, reference: 'RATE' } : {});
    const ntp = await simulate({ servers: [{ reply }] });
    ntp.pass(10 * SECOND);
    const askedBefore = ntp.asked[0] ?? 0;
    expect(askedBefore).toBe(4);
    ntp.pass(20 * MINUTE);
    expect((ntp.asked[0] ?? 0) - askedBefore).toBeLessThanOrEqual(10);
  });

  test('begins to know it is followed then', async () => {
    const reply = (asked: number) => (asked < 5 ? { leap: 3, stratum: 16 } : {});
    const ntp = await simulate({ servers: [{ reply }], kernel: { unixMs: 0 } });
    ntp.pass(10 * MINUTE);
    expect(Math.abs(ntp.errorMs())).toBeLessThan(1);
  });
});

test('a leap second to come is shown, and the clock not moved for it', async () => {
  const ntp = await simulate({ servers: [{ reply: () => ({ leap: 1 }) }] });
  ntp.pass(HOUR);
  expect(ntp.key('leap')).toBe('1');
  expect(ntp.errorMs()).toBeLessThan(1);
});

test('a client that is stopped asks nobody', async () => {
  const ntp = await simulate({});
  ntp.pass(MINUTE);
  ntp.stop();
  const before = [...ntp.asked];
  ntp.pass(DAY);
  expect(ntp.asked).toEqual(before);
});

test.each([1, 2, 3, 4, 5, 6, 7, 8])(
  'whatever a minority does, the clock is right (seed %i)',
  async (seed) => {
    const random = createRandom(seed);
    const right = random.integer(3, 5);
    const liar = () => {
      const kind = random.integer(0, 3);
      const sizeMs = random.pick([-1, 1]) * 10 ** random.integer(2, 7);
      const reply = () =>
        random.next() < 0.5 ? { leap: 3 } : { rootDelayMs: 0, rootDispersionMs: 0, stratum: 1 };
      if (kind === 0) return { offsetMs: () => sizeMs, reply };
      if (kind === 1) return { offsetMs: (trueMs: number) => (trueMs / HOUR) * sizeMs };
      if (kind === 2) return { offsetMs: () => (random.next() - 0.5) * 2 * sizeMs };
      return { loss: 0.7, offsetMs: (trueMs: number) => Math.sin(trueMs / HOUR) * sizeMs };
    };
    const servers = [
      ...Array.from({ length: right }, () => ({ delayMs: [0.1, 3] as const, loss: 0.05 })),
      ...Array.from({ length: random.integer(1, right - 1) }, liar),
    ];
    const ntp = await simulate(
      { servers, kernel: { unixMs: 0, driftPpm: random.integer(-200, 200) } },
      random.fork(),
    );
    ntp.pass(30 * MINUTE);
    expect(worstWithin(ntp, 6 * HOUR)).toBeLessThan(20);
  },
);
