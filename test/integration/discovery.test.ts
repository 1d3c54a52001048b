// SPDX-License-Identifier: Apache-2.0
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Answer } from 'dns-packet';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AdvertiserStatus } from '../../datastore-app/src/advertise/advertiser.ts';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { finish } from '../lab/namespace.ts';
import { readAgentJson } from '../lab/printed-json.ts';
import { describeWith } from '../requirements.ts';
import { readJsonLines } from './json-lines.ts';
import { type ResponderRule, responseHex, startScriptedResponder } from './scripted-responder.ts';

const AGENT = 'eve-agent/src/main.ts';
const ASK_ADDRESS = 'A ds.local';

const a = (name: string, data: string): Answer => ({ name, type: 'A', ttl: 120, flush: true, data });
const ptr = (service: string, instance = 'ds'): Answer => ({
  name: `_${service}._tcp.local`,
  type: 'PTR',
  ttl: 4500,
  data: `${instance}._${service}._tcp.local`,
});
const srv = (service: string, target = 'ds.local', instance = 'ds'): Answer => ({
  name: `${instance}._${service}._tcp.local`,
  type: 'SRV',
  ttl: 120,
  flush: true,
  data: { port: 80, target },
});
const txt = (service: string, instance: string, ...strings: string[]): Answer => ({
  name: `${instance}._${service}._tcp.local`,
  type: 'TXT',
  ttl: 4500,
  data: strings,
});

/** Answers the question for the host's address, as any responder does. */
const says = (address: string, host = 'ds.local'): ResponderRule => ({
  question: ASK_ADDRESS,
  hex: responseHex({ answers: [a(host, address)] }),
});

/** Where all of it is waited for: long enough for an answer also on a busy machine. */
const HEARD_OUT = ['--timeout', '4'];

describeWith(['lab'], 'finding a datastore', () => {
  let lab: Lab;
  let onBn1: App;
  let onBn2: App;
  beforeEach(async () => {
    lab = await createLab();
    await lab.addBridge('bn1', '10.1.0.1/24');
    await lab.addBridge('bn2', '10.2.0.1/24');
    onBn1 = await lab.addApp({ name: 'one', bridge: 'bn1', address: '10.1.0.5/24' });
    onBn2 = await lab.addApp({ name: 'two', bridge: 'bn2', address: '10.2.0.7/24' });
  });
  afterEach(() => lab.stop());

  const agent = (args: readonly string[], env?: NodeJS.ProcessEnv) =>
    lab.host.run(['node', AGENT, ...args], env === undefined ? {} : { env });

  /** Resolves as JSON; must succeed. */
  async function resolveJson(...args: string[]) {
    const { stdout, stderr, exitCode } = await agent(['resolve', 'http://ds.local/a.img', '--json', ...args]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    return readAgentJson(['resolve'], stdout);
  }

  describe('resolve', () => {
    test('finds the one that answers on one of the bridges, and prints where', async () => {
      await startScriptedResponder(onBn2, '10.2.0.7', [{ ...says('10.2.0.7'), asker: 'mdns' }]);
      expect(await agent(['resolve', 'https://DS.local.:8443/dir/a.img?v=1'])).toEqual({
        stdout: [
          'host            ds.local',
          'address         10.2.0.7',
          'bridge          bn2',
          'source address  10.2.0.1',
          'url             https://10.2.0.7:8443/dir/a.img?v=1',
          '',
        ].join('\n'),
        stderr: '',
        exitCode: 0,
      });
      expect(await resolveJson()).toEqual({
        host: 'ds.local',
        address: '10.2.0.7',
        bridge: 'bn2',
        sourceAddress: '10.2.0.1',
        url: 'http://10.2.0.7/a.img',
        service: 'address',
        responder: '10.2.0.7',
        elapsedMs: expect.any(Number),
        packets: { received: 1, malformed: 0, rejected: 0 },
        alternatives: [],
      });
    });

    test('asks on every bridge for the address, by unicast too, then for the services; then from its own port', async () => {
      const responder = await startScriptedResponder(onBn1, '10.1.0.5', []);
      const other = await startScriptedResponder(onBn2, '10.2.0.7', []);
      const child = lab.host.start(['node', AGENT, 'resolve', 'http://ds.local/', '--timeout', '50']);
      const finished = finish(child);
      const allQueries = (lines: typeof responder) =>
        lines.all.flatMap((event) => (event.event === 'asked' ? event : []));
      const queries = (lines: typeof responder) =>
        allQueries(lines).filter(({ sourcePort }) => sourcePort === 5353);
      const ownPortQueries = (lines: typeof responder) =>
        allQueries(lines).filter(({ sourcePort }) => sourcePort !== 5353);
      const name = (...labels: string[]) =>
        `${labels.map((each) => Buffer.from(`${String.fromCharCode(each.length)}${each}`).toString('hex')).join('')}00`;
      const services = ['_workstation', '_http', '_https'].map(
        (each) => `${name(each, '_tcp', 'local')}000c0001`,
      );
      const forServices = `000000000003000000000000${services.join('')}`;
      const forAddress = `000000000001000000000000${name('ds', 'local')}0001`;
      const rounds = [`${forAddress}8001`, forServices, `${forAddress}0001`, forServices];
      // Two rounds of it; the third comes two seconds later.
      const first = (asked: ReturnType<typeof queries>, count: number) =>
        asked.slice(0, count).map(({ hex }) => hex);
      await expect.poll(() => first(queries(responder), rounds.length)).toEqual(rounds);
      await expect.poll(() => first(queries(other), rounds.length)).toEqual(rounds);
      // One question each, none of them for unicast: conventional queries (RFC 6762 §6.7).
      const oneShot = [`${forAddress}0001`, ...services.map((each) => `000000000001000000000000${each}`)];
      const oneShots = [...oneShot, ...oneShot];
      await expect.poll(() => first(ownPortQueries(responder), oneShots.length)).toEqual(oneShots);
      child.kill('SIGTERM');
      expect((await finished).exitCode).toBe(143);
      expect(new Set(ownPortQueries(responder).map(({ sourcePort }) => sourcePort)).size).toBe(1);
      expect(allQueries(responder).every(({ source }) => source === '10.1.0.1')).toBe(true);
      expect(allQueries(other).every(({ source }) => source === '10.2.0.1')).toBe(true);
    });

    test.each([
      ['bn1', '10.1.0.5'],
      ['bn2', '10.2.0.7'],
    ])('hears an answer that comes by unicast on %s', async (bridge, address) => {
      const app = bridge === 'bn1' ? onBn1 : onBn2;
      await startScriptedResponder(app, address, [{ ...says(address), byUnicast: true, asker: 'mdns' }]);
      expect(await resolveJson()).toMatchObject({ address, bridge, packets: { received: 1 } });
    });

    test.each([
      ['bn1', '10.1.0.5'],
      ['bn2', '10.2.0.7'],
    ])('finds one on %s that answers nobody but who asks from another port', async (bridge, address) => {
      const app = bridge === 'bn1' ? onBn1 : onBn2;
      await startScriptedResponder(app, address, [{ ...says(address), asker: 'one-shot' }]);
      expect(await resolveJson()).toMatchObject({ address, bridge, packets: { received: 1 } });
    });

    test('is not taken in by an address of another bridge', async () => {
      await startScriptedResponder(onBn2, '10.2.0.7', [{ ...says('10.1.0.66'), time: 1, asker: 'mdns' }]);
      await startScriptedResponder(onBn1, '10.1.0.5', [{ ...says('10.1.0.5'), time: 2, asker: 'mdns' }]);
      expect(await resolveJson()).toMatchObject({
        address: '10.1.0.5',
        bridge: 'bn1',
        packets: { received: 2, malformed: 0, rejected: 1 },
      });
    });

    test('takes what is sound in a message with a record that is not', async () => {
      const good = responseHex({ answers: [a('ds.local', '10.1.0.5')] });
      // Two records: an AAAA of four bytes with the root as its name, then the good one.
      const hex = `${good.slice(0, 12)}0002${good.slice(16, 24)}00001c00010000007800040a010005${good.slice(24)}`;
      await startScriptedResponder(onBn1, '10.1.0.5', [{ question: ASK_ADDRESS, hex }]);
      expect(await resolveJson()).toMatchObject({ address: '10.1.0.5', packets: { malformed: 0 } });
    });

    test('names an alias', async () => {
      const alias: Answer = { name: 'ds.local', type: 'CNAME', ttl: 120, data: 'store.local' };
      await startScriptedResponder(onBn1, '10.1.0.5', [
        { question: ASK_ADDRESS, hex: responseHex({ answers: [alias, a('store.local', '10.1.0.5')] }) },
      ]);
      const { stderr, exitCode } = await agent(['resolve', 'http://ds.local/', ...HEARD_OUT]);
      expect(exitCode).toBe(3);
      expect(stderr).toContain('10.1.0.5 on bn1: the name is an alias (CNAME) of store.local');
    });

    test('is not taken in by a source that is on no link', async () => {
      const stranger = await lab.addApp({ name: 'stranger', bridge: 'bn1', address: '10.9.0.5/24' });
      await startScriptedResponder(stranger, '10.9.0.5', [
        // Once: how often it is asked meanwhile does not matter.
        { ...says('10.1.0.5'), time: 1, asker: 'mdns' },
      ]);
      const { exitCode, stderr } = await agent(['resolve', 'http://ds.local/', ...HEARD_OUT, '--json']);
      expect(exitCode).toBe(3);
      expect(JSON.parse(stderr).error.details).toMatchObject({ received: 1, rejected: 1, otherNames: [] });
    });

    test('is not taken in by a sender on another port', async () => {
      await startScriptedResponder(onBn1, '10.1.0.5', [{ ...says('10.1.0.5'), fromOtherPort: true }]);
      const { exitCode, stderr } = await agent(['resolve', 'http://ds.local/', ...HEARD_OUT, '--json']);
      expect(exitCode).toBe(3);
      // Neither in answer to the question from port 5353 nor to that from the agent's own.
      const { received, rejected } = JSON.parse(stderr).error.details;
      expect(received).toBeGreaterThan(0);
      expect(rejected).toBe(received);
    });

    test('is not taken in by a name that holds the wanted one', async () => {
      await startScriptedResponder(onBn1, '10.1.0.5', [says('10.1.0.5', 'my-ds.local')]);
      expect(await agent(['resolve', 'http://ds.local/', ...HEARD_OUT])).toEqual({
        stdout: '',
        stderr: 'eve-agent: no datastore ds.local on bn1, bn2 within 4 s; others answered: my-ds.local\n',
        exitCode: 3,
      });
    });

    test('finds the good answer in a flood of malformed ones', async () => {
      // The header of a response with one answer, and then nothing that could be one.
      const malformed = `000084000000000100000000${'ff'.repeat(40)}`;
      await startScriptedResponder(onBn1, '10.1.0.5', [
        { question: ASK_ADDRESS, hex: malformed, time: 1, copies: 1000, asker: 'mdns' },
      ]);
      await startScriptedResponder(onBn2, '10.2.0.7', [{ ...says('10.2.0.7'), time: 2, asker: 'mdns' }]);
      const { address, packets } = await resolveJson();
      expect(address).toBe('10.2.0.7');
      // How many of them the kernel dropped is its own affair.
      expect(packets.malformed).toBeGreaterThan(0);
      expect(packets.malformed).toBeLessThanOrEqual(250);
      // The good answer, and the one to the question from our own port where that was asked in time.
      expect([1, 2]).toContain(packets.received - packets.malformed - packets.rejected);
    });

    test('finds one that offers nothing but https, and answers for that alone', async () => {
      await startScriptedResponder(onBn1, '10.1.0.5', [
        {
          question: 'PTR _https._tcp.local',
          hex: responseHex({
            answers: [ptr('https')],
            additionals: [srv('https'), a('ds.local', '10.1.0.5')],
          }),
        },
      ]);
      expect(await resolveJson()).toMatchObject({ address: '10.1.0.5', service: 'https' });
    });

    test('finds one that tells its address only when asked again', async () => {
      await startScriptedResponder(onBn1, '10.1.0.5', [
        {
          question: 'PTR _http._tcp.local',
          hex: responseHex({ answers: [ptr('http')], additionals: [srv('http')] }),
        },
        { ...says('10.1.0.5'), time: 2 },
      ]);
      expect(await resolveJson()).toMatchObject({ address: '10.1.0.5', service: 'http' });
    });

    test('asks only on the bridges that are named; a flag is stronger than the environment, that than a file', async () => {
      await startScriptedResponder(onBn1, '10.1.0.5', [says('10.1.0.5')]);
      await startScriptedResponder(onBn2, '10.2.0.7', [says('10.2.0.7')]);
      const file = join(tmpdir(), `discovery-${process.pid}.yaml`);
      await writeFile(file, 'bridge: [bn1]\ntimeout: 5\n');
      const bridgeOf = async (args: string[], env: NodeJS.ProcessEnv) => {
        const { stdout } = await agent(['resolve', '--json', ...args, 'http://ds.local/'], env);
        return JSON.parse(stdout).bridge;
      };
      expect(await bridgeOf(['--config', file], {})).toBe('bn1');
      expect(await bridgeOf(['--config', file], { EVE_AGENT_BRIDGE: 'bn2' })).toBe('bn2');
      expect(await bridgeOf(['--bridge', 'bn1'], { EVE_AGENT_BRIDGE: 'bn2' })).toBe('bn1');
      await rm(file);
    });

    test('says on which bridges it could ask when one is named that does not exist', async () => {
      expect(await agent(['resolve', 'http://ds.local/', '--bridge', 'bn7'])).toEqual({
        stdout: '',
        stderr:
          'eve-agent: bridge "bn7" does not exist, is down or has no IPv4 address: there are ' +
          'bn1 (10.1.0.1/24), bn2 (10.2.0.1/24). Name an interface that is up and has an IPv4 address.\n',
        exitCode: 2,
      });
    });

    test.each([
      ['SIGINT', 130],
      ['SIGTERM', 143],
    ] as const)('ends on %s while it waits', async (signal, exitCode) => {
      const responder = await startScriptedResponder(onBn1, '10.1.0.5', []);
      const child = lab.host.start(['node', AGENT, 'resolve', 'http://ds.local/', '--timeout', '50']);
      const finished = finish(child);
      await responder.waitFor('a question', ({ event }) => event === 'asked');
      child.kill(signal);
      expect(await finished).toEqual({ stdout: '', stderr: `eve-agent: stopped by ${signal}\n`, exitCode });
    });
  });

  describe('browse', () => {
    test('prints rows as avahi-browse does, and nothing that a terminal would act on', async () => {
      const hostile = '\u001b]0;owned\u0007';
      await startScriptedResponder(onBn1, '10.1.0.5', [
        {
          question: 'PTR _workstation._tcp.local',
          hex: responseHex({
            answers: [ptr('workstation', 'ds [02:00:00:00:00:05]')],
            additionals: [
              srv('workstation', 'ds.local', 'ds [02:00:00:00:00:05]'),
              a('ds.local', '10.1.0.5'),
            ],
          }),
          time: 1,
        },
      ]);
      await startScriptedResponder(onBn2, '10.2.0.7', [
        { question: 'PTR _http._tcp.local', hex: responseHex({ answers: [ptr('http', hostile)] }), time: 1 },
        {
          question: `SRV ${hostile}._http._tcp.local`,
          hex: responseHex({
            answers: [
              srv('http', 'evil\u009b.local', hostile),
              txt('http', hostile, 'a=\u001b[2J', 'b="\\'),
              a('evil\u009b.local', '10.2.0.7'),
            ],
          }),
        },
        {
          question: 'PTR _https._tcp.local',
          hex: responseHex({ answers: [ptr('https', 'silent')] }),
          time: 1,
        },
      ]);
      expect(await agent(['browse', '--parsable', ...HEARD_OUT])).toEqual({
        stdout: [
          '=    bn1 IPv4 ds [02:00:00:00:00:05]                        _workstation._tcp    local',
          '   hostname = [ds.local]',
          '   address = [10.1.0.5]',
          '   port = [80]',
          '   txt = []',
          '=    bn2 IPv4 \\027]0;owned\\007                              _http._tcp           local',
          '   hostname = [evil\\194\\155.local]',
          '   address = [10.2.0.7]',
          '   port = [80]',
          '   txt = ["a=\\027[2J" "b=\\"\\\\"]',
          '+    bn2 IPv4 silent                                        _https._tcp          local',
          '',
        ].join('\n'),
        stderr: '',
        exitCode: 0,
      });
    });

    test('says so when nobody answers', async () => {
      expect(await agent(['browse', '--bridge', 'bn2', '--timeout', '0.5'])).toEqual({
        stdout: '',
        stderr: 'nobody answered on bn2 within 0.5 s\n',
        exitCode: 0,
      });
    });
  });

  test('our own datastore is found, by its address and by each service', async () => {
    const program = 'test/integration/programs/advertise.ts';
    const advertiser = readJsonLines<AdvertiserStatus>(
      onBn2.start(['node', program, 'ds', 'workstation,http,https', 'eth0']),
    );
    await advertiser.waitFor('a ready advertiser', ({ isReady }) => isReady);
    expect(await resolveJson()).toMatchObject({
      address: '10.2.0.7',
      bridge: 'bn2',
      sourceAddress: '10.2.0.1',
    });
    // Of several that ask at once only the last to bind the port hears unicast answers.
    const together = await Promise.all([1, 2, 3, 4].map(() => resolveJson()));
    expect(together.map(({ address }) => address)).toEqual(['10.2.0.7', '10.2.0.7', '10.2.0.7', '10.2.0.7']);
    const { stdout } = await agent(['browse', ...HEARD_OUT, '--json']);
    const instance = {
      bridge: 'bn2',
      hostName: 'ds.local',
      addresses: ['10.2.0.7'],
      instanceName: expect.stringMatching(/^ds/),
      txt: expect.any(Array),
    };
    expect(readAgentJson(['browse'], stdout).instances).toEqual([
      { ...instance, service: 'workstation', port: 9 },
      { ...instance, service: 'http', port: 80 },
      { ...instance, service: 'https', port: 443 },
    ]);
  });
});
