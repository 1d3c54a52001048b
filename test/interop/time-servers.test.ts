// SPDX-License-Identifier: Apache-2.0
/**
 * The time client against chrony and ntpsec, and hostile servers among them. Its clock is nobody's, and begins in 1970;
 * nothing here sets that of the machine.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { STEP_THRESHOLD_MS } from '../../eve-agent/src/sandbox/handlers/judge-correction.ts';
import { type JsonLines, readJsonLines } from '../integration/json-lines.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import { startChrony, startNtpsec } from '../lab/time-servers.ts';
import { describeWith } from '../requirements.ts';

const program = (name: string) => [
  process.execPath,
  fileURLToPath(new URL(`programs/${name}.ts`, import.meta.url)),
];
/** Only ends what fails: it takes 14 s to ask every server eight times, and twice that when the clock was set. */
const LIMIT = { timeoutMs: 600_000 };

interface Shown {
  /** Its clock minus the machine's, whose clock the servers have. */
  readonly errorMs: number;
  readonly keys: Readonly<Record<string, string>>;
}
const role = ({ keys }: Shown, id: string) => keys[`source/${id}/role`];
const trouble = ({ keys }: Shown, id: string) => keys[`source/${id}/trouble`];
/** Set by its servers, measured anew, and followed. */
const isFollowed = ({ keys }: Shown) =>
  keys.state === 'synchronized' && keys.answer?.includes('slewing') === true;
const waitFollowed = (shown: JsonLines<Shown>) =>
  shown.waitFor('the servers are followed', isFollowed, LIMIT);

/** What is left is slewed, on a busy machine for a while; and the client says itself by how much it may be wrong. */
function expectRight({ errorMs, keys }: Shown): void {
  const distanceMs = Number(keys[`source/${keys.peer}/distance`]);
  expect(Math.abs(errorMs)).toBeLessThan(STEP_THRESHOLD_MS + distanceMs);
}
function expectUnmoved({ errorMs, keys }: Shown): void {
  expect(keys.offset).toBeUndefined();
  // It still stands in 1970.
  expect(errorMs).toBeLessThan(-1e12);
}

describeWith(['root', 'lab', 'chrony', 'ntpsec'], 'time servers', () => {
  const [chrony, ntpsec] = ['10.1.0.2', '10.1.0.3'];
  let lab: Lab;
  let folder: string;
  let used = 3;
  const addApp = (address: string) =>
    lab.addApp({ name: `time${address.split('.')[3]}`, bridge: 'bn1', address: `${address}/24` });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'time-servers-'));
    lab = await createLab();
    await lab.addBridge('bn1', '10.1.0.1/24');
    await startChrony(await addApp(chrony), join(folder, 'chrony'));
    await startNtpsec(await addApp(ntpsec), join(folder, 'ntpsec'));
  });
  afterAll(async () => {
    await lab.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** A server of our own, and the questions that came to it. */
  async function scripted(...behaviour: readonly string[]) {
    used += 1;
    const [address, other] = [`10.1.0.${used}`, `10.1.0.${used + 100}`];
    const app = await addApp(address);
    await app.mustRun(['ip', 'address', 'add', `${other}/24`, 'dev', 'eth0']);
    const what = behaviour[0] === 'other-address' ? [...behaviour, other] : behaviour;
    const child = app.start([...program('ntp-server'), address, ...what]);
    const lines = readJsonLines<string>(child);
    await lines.waitFor('it listens', (line) => line === 'ready');
    return { address, questions: () => lines.all.slice(1) };
  }
  const follow = (...servers: readonly string[]): JsonLines<Shown> =>
    readJsonLines(lab.host.start([...program('ntp-client'), ...servers]));

  test.concurrent.each([
    ['chrony', chrony, '5'],
    ['ntpsec', ntpsec, '6'],
  ])('%s is followed', async (_, address, stratum) => {
    const found = await waitFollowed(follow(address));
    expectRight(found);
    expect(found.keys).toMatchObject({ peer: '001', stratum });
  });

  test.concurrent('both together outvote one that lies', async () => {
    const liar = await scripted('ahead', '7000');
    const found = await waitFollowed(follow(liar.address, chrony, ntpsec));
    expectRight(found);
    expect(found.keys.peer).toBe('002');
    expect([role(found, '001'), role(found, '003')]).toEqual(['falseticker', 'candidate']);
    // What it was asked tells nothing, and another number each time.
    const questions = liar.questions();
    expect(questions.length).toBeGreaterThanOrEqual(8);
    expect(new Set(questions).size).toBe(questions.length);
    for (const each of questions) expect(each).toMatch(/^23000020(?:00){36}[0-9a-f]{16}$/);
  });

  test.concurrent('two that disagree are both not believed', async () => {
    const liar = await scripted('ahead', '7000');
    const shown = follow(chrony, liar.address);
    expectUnmoved(await shown.waitFor('that', ({ keys }) => keys.state === 'no-agreement', LIMIT));
  });

  test.concurrent.each([
    ['answers to what was not asked', ['wrong-origin']],
    ['answers from another address', ['other-address']],
    ['answers from another port', ['other-port']],
    ['answers with a hundred large datagrams', ['large']],
    ['forges farewells', ['forged-kiss']],
  ])('one that %s is none', async (_, behaviour) => {
    const hostile = await scripted(...behaviour);
    const shown = follow(hostile.address);
    expectUnmoved(await shown.waitFor('that', ({ keys }) => keys.state === 'unreachable', LIMIT));
    expect(hostile.questions().length).toBeGreaterThanOrEqual(3);
  });

  test.concurrent('forged answers around the right one do not keep it away', async () => {
    const hostile = await scripted('flood');
    const found = await waitFollowed(follow(hostile.address));
    expectRight(found);
    expect(Number(found.keys['source/001/dropped'])).toBeGreaterThan(200);
  });

  test.concurrent.each(['DENY', 'RSTR', 'RATE'])(
    'one that says %s is asked no more for now',
    async (code) => {
      const hostile = await scripted('kiss', code);
      const found = await waitFollowed(follow(hostile.address, chrony));
      expectRight(found);
      expect(found.keys.peer).toBe('002');
      expect([role(found, '001'), trouble(found, '001')]).toEqual(['unusable', `kiss-${code}`]);
      // RATE: for more than two minutes.
      expect(hostile.questions().length).toBeLessThanOrEqual(code === 'RATE' ? 3 : 1);
    },
  );

  test.concurrent('one that dies in the middle of its burst is left for those that live', async () => {
    const dying = await scripted('dies', '3');
    const found = await waitFollowed(follow(dying.address, chrony, ntpsec));
    expectRight(found);
    expect(role(found, '001')).toBe('unusable');
  });

  test.concurrent('one whose clock is being smeared is left where others agree', async () => {
    const smeared = await scripted('smear', '40');
    const shown = follow(chrony, ntpsec, smeared.address);
    const isLeft = (found: Shown) => isFollowed(found) && role(found, '003') === 'falseticker';
    expectRight(await shown.waitFor('it is left', isLeft, LIMIT));
  });
});
