// SPDX-License-Identifier: Apache-2.0
/** What is wrong with a datastore's multicast DNS, one test a finding: it leads to that diagnosis and no other. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Answer } from 'dns-packet';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { datastoreApp, startDatastore, waitForLog } from '../lab/programs.ts';
import { describeWith } from '../requirements.ts';
import { type DoctorRun, LISTEN_SECONDS, runDoctor } from './doctor-runs.ts';
import { makeImage } from './image-server.ts';
import { type ResponderRule, responseHex, startScriptedResponder } from './scripted-responder.ts';

const URL_OF_IMAGE = 'http://ds.local/images/a.img';
const IMAGE_NAME = 'docker://ds.local:5000/group/app:1';
/** The one remark on every registry there. */
const ON_LOCAL = 'warning registry-on-local';
const IMAGE_BYTES = 200_000;
const IMAGE = { path: '/images/a.img', sizeBytes: IMAGE_BYTES };

const a = (address: string, name = 'ds.local'): Answer => ({ name, type: 'A', ttl: 120, data: address });
const aaaa = (address: string): Answer => ({ name: 'ds.local', type: 'AAAA', ttl: 120, data: address });
const ptr = (instance = 'ds', type = '_http._tcp.local'): Answer => ({
  name: '_http._tcp.local',
  type: 'PTR',
  ttl: 4500,
  data: `${instance}.${type}`,
});
const srv = (target = 'ds.local', instance = 'ds', type = '_http._tcp.local'): Answer => ({
  name: `${instance}.${type}`,
  type: 'SRV',
  ttl: 120,
  data: { port: 80, target },
});

const answersFor = (question: string, answers: Answer[], additionals: Answer[] = []): ResponderRule => ({
  question,
  hex: responseHex({ answers, additionals }),
});
const forService = (...answers: Answer[]) => answersFor('PTR _http._tcp.local', answers);
const forAddress = (...answers: Answer[]) => answersFor('A ds.local', answers);

/** A responder as it should be. */
const sound = (address: string, name = 'ds.local', instance = 'ds') => [
  forService(ptr(instance), srv(name, instance), a(address, name)),
  answersFor(`A ${name}`, [a(address, name)]),
];

/** A device with one app on its bridge. */
interface Bench {
  readonly lab: Lab;
  readonly app: App;
  /** Options of a real datastore with an image in it. */
  readonly storage: readonly string[];
  /** What the doctor says of a responder in the app, whose web server has the image. */
  diagnose(rules: readonly ResponderRule[], ...args: readonly string[]): Promise<DoctorRun>;
}

async function withBench(use: (bench: Bench) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'doctor-'));
  const lab = await createLab();
  try {
    await lab.addBridge('bn1', '10.1.0.1/24');
    const app = await lab.addApp({ name: 'one', bridge: 'bn1', address: '10.1.0.5/24' });
    const root = join(folder, 'root');
    await mkdir(join(root, 'images'), { recursive: true });
    await writeFile(join(root, 'images/a.img'), makeImage(IMAGE_BYTES));
    await use({
      ...{ lab, app },
      storage: ['--root', root, '--state', join(folder, 'state')],
      async diagnose(rules, ...args) {
        await startScriptedResponder(app, '10.1.0.5', rules, IMAGE);
        return runDoctor(lab.host, URL_OF_IMAGE, ...args);
      },
    });
  } finally {
    await lab.stop();
    await rm(folder, { recursive: true });
  }
}

/** Each has a device of its own, and several are tried at a time: the doctor listens most of it. */
const row = (title: string, use: (bench: Bench) => Promise<void>) =>
  test.concurrent(title, () => withBench(use));

describeWith(['lab'], 'doctor: multicast DNS', () => {
  row('our own datastore: nothing is wrong', async ({ lab, app, storage }) => {
    await startDatastore(app, [...storage, '--host-name', 'ds']);
    const { document, exitCode, findings } = await runDoctor(lab.host, URL_OF_IMAGE);
    expect({ findings, exitCode }).toEqual({ findings: [], exitCode: 0 });
    expect(document).toMatchObject({ isUsable: true, judgedFor: 'eve-agent', exitCode: 0 });
    const verdicts = new Set(document.checks.map(({ verdict }) => verdict));
    expect(verdicts).toEqual(new Set(['ok', 'skipped']));
    expect(document.checks.find(({ id }) => id === 'size')?.facts).toMatchObject({ sizeBytes: IMAGE_BYTES });
  });

  row('a name that is nearly right: the right one is suggested', async ({ diagnose }) => {
    const { findings, exitCode, advice } = await diagnose(sound('10.1.0.5', 'dss.local'));
    expect({ findings, exitCode }).toEqual({ findings: ['problem near-miss'], exitCode: 3 });
    expect(advice('near-miss')).toBe('did you mean http://dss.local/images/a.img?');
  });

  row('quite another name', async ({ diagnose }) => {
    const { findings, exitCode, message } = await diagnose(sound('10.1.0.5', 'printer.local'));
    expect({ findings, exitCode }).toEqual({ findings: ['problem name-not-heard'], exitCode: 3 });
    expect(message('name-not-heard')).toContain('printer.local on bn1');
  });

  row('others speak, and name no host', async ({ diagnose }) => {
    const { findings, exitCode, message } = await diagnose([forService(ptr())]);
    expect({ findings, exitCode }).toEqual({ findings: ['problem name-not-heard'], exitCode: 3 });
    expect(message('name-not-heard')).toContain('what was heard names no host');
  });

  row('the right answer in a flood of malformed ones', async ({ lab, diagnose }) => {
    const other = await lab.addApp({ name: 'two', bridge: 'bn1', address: '10.1.0.6/24' });
    const hex = `000084000000000100000000${'ff'.repeat(40)}`;
    await startScriptedResponder(other, '10.1.0.6', [
      { question: 'PTR _workstation._tcp.local', hex, copies: 300 },
    ]);
    const { findings, exitCode } = await diagnose(sound('10.1.0.5'));
    expect({ findings, exitCode }).toEqual({ findings: ['warning message-discarded'], exitCode: 0 });
  });

  row('nobody says anything', async ({ lab }) => {
    const { findings, exitCode, advice } = await runDoctor(lab.host, URL_OF_IMAGE);
    expect({ findings, exitCode }).toEqual({ findings: ['problem nothing-heard'], exitCode: 3 });
    expect(advice('nothing-heard')).toContain('224.0.0.251 UDP 5353');
  });

  row('a web server on the bridge, and no multicast DNS from it', async ({ lab, app, storage }) => {
    const serve = datastoreApp('serve', ...storage, '--advertise', 'none');
    await waitForLog(app.start(serve, { stdio: ['ignore', 'ignore', 'pipe'] }), '"listening"').seen;
    // Any traffic makes it a neighbour.
    await lab.host.mustRun(['node', '-e', "fetch('http://10.1.0.5/').then((r) => r.text())"]);
    const { findings, exitCode, message, advice } = await runDoctor(lab.host, URL_OF_IMAGE);
    expect({ findings, exitCode }).toEqual({ findings: ['problem multicast-swallowed'], exitCode: 3 });
    expect(message('multicast-swallowed')).toContain('10.1.0.5 on bn1 takes connections');
    expect(advice('multicast-swallowed')).toContain('network rules');
  });

  row('an address of another network', async ({ diagnose }) => {
    const { findings, exitCode, message } = await diagnose(sound('192.168.7.5'));
    expect({ findings, exitCode }).toEqual({ findings: ['problem address-outside-subnet'], exitCode: 3 });
    expect(message('address-outside-subnet')).toContain('192.168.7.5, which is not in 10.1.0.1/24 of bn1');
  });

  row('the bridge’s own address', async ({ diagnose }) => {
    const { findings, exitCode } = await diagnose(sound('10.1.0.1'));
    expect({ findings, exitCode }).toEqual({ findings: ['problem address-not-of-a-neighbour'], exitCode: 3 });
  });

  row('a datastore that is in no bridge’s subnet itself', async ({ lab, app }) => {
    await app.setAddress('10.9.0.5/24');
    await startScriptedResponder(app, '10.9.0.5', sound('10.9.0.5'), IMAGE);
    const { findings, exitCode, message } = await runDoctor(lab.host, URL_OF_IMAGE);
    expect({ findings, exitCode }).toEqual({ findings: ['problem off-link-source'], exitCode: 3 });
    expect(message('off-link-source')).toContain('10.9.0.5 answers, but it is in the subnet of none');
  });

  row('IPv6 alone', async ({ diagnose }) => {
    const { findings, exitCode } = await diagnose([
      forService(ptr(), srv(), aaaa('fe80::5')),
      answersFor('AAAA ds.local', [aaaa('fe80::5')]),
    ]);
    expect({ findings, exitCode }).toEqual({ findings: ['problem ipv6-only'], exitCode: 3 });
  });

  row('an image, by a name that is nearly right', async ({ lab, app }) => {
    await startScriptedResponder(app, '10.1.0.5', sound('10.1.0.5', 'dss.local'));
    const { findings, exitCode, advice } = await runDoctor(lab.host, IMAGE_NAME);
    expect({ findings, exitCode }).toEqual({ findings: [ON_LOCAL, 'problem near-miss'], exitCode: 3 });
    expect(advice('near-miss')).toBe('did you mean docker://dss.local:5000/group/app:1?');
  });

  row('an image, whose registry has an IPv6 address alone', async ({ lab, app }) => {
    const rules = [forService(ptr(), srv(), aaaa('fe80::5')), answersFor('AAAA ds.local', [aaaa('fe80::5')])];
    await startScriptedResponder(app, '10.1.0.5', rules);
    const { findings, exitCode, message } = await runDoctor(lab.host, IMAGE_NAME);
    expect({ findings, exitCode }).toEqual({ findings: [ON_LOCAL, 'problem ipv6-only'], exitCode: 3 });
    expect(message('ipv6-only')).toContain('fe80::5');
  });

  row('an image, whose registry says goodbye', async ({ lab, app }) => {
    const gone: Answer = { name: 'ds.local', type: 'A', ttl: 0, data: '10.1.0.5' };
    await startScriptedResponder(app, '10.1.0.5', [forService(ptr(), srv(), gone), forAddress(gone)]);
    const { findings, exitCode } = await runDoctor(lab.host, IMAGE_NAME);
    expect({ findings, exitCode }).toEqual({ findings: [ON_LOCAL, 'problem goodbye'], exitCode: 3 });
  });

  row('an image, whose registry does not listen at the port of its name', async ({ lab, app }) => {
    await startScriptedResponder(app, '10.1.0.5', sound('10.1.0.5'));
    const { findings, exitCode, message, advice } = await runDoctor(lab.host, IMAGE_NAME);
    expect({ findings, exitCode }).toEqual({
      findings: [ON_LOCAL, 'problem connection-refused'],
      exitCode: 4,
    });
    expect(message('connection-refused')).toContain('10.1.0.5 port 5000');
    expect(advice('connection-refused')).toContain('belongs to the name of the image');
  });

  row('a service that names the host, and no address', async ({ diagnose }) => {
    const { findings, exitCode } = await diagnose([forService(ptr(), srv())]);
    expect({ findings, exitCode }).toEqual({ findings: ['problem address-missing'], exitCode: 3 });
  });

  row('a datastore that says goodbye', async ({ diagnose }) => {
    const gone: Answer = { name: 'ds.local', type: 'A', ttl: 0, data: '10.1.0.5' };
    const { findings, exitCode } = await diagnose([forService(ptr(), srv(), gone), forAddress(gone)]);
    expect({ findings, exitCode }).toEqual({ findings: ['problem goodbye'], exitCode: 3 });
  });

  row('two hosts under one name on one bridge', async ({ lab, diagnose }) => {
    const other = await lab.addApp({ name: 'two', bridge: 'bn1', address: '10.1.0.6/24' });
    await startScriptedResponder(other, '10.1.0.6', sound('10.1.0.6', 'ds.local', 'other'), IMAGE);
    const { findings, exitCode, message } = await diagnose(sound('10.1.0.5'));
    expect({ findings, exitCode }).toEqual({ findings: ['warning name-conflict'], exitCode: 0 });
    expect(message('name-conflict')).toMatch(/10\.1\.0\.[56] and 10\.1\.0\.[56]/);
  });

  row('two hosts under one name, of which one has no file', async ({ lab, diagnose }) => {
    const other = await lab.addApp({ name: 'two', bridge: 'bn1', address: '10.1.0.6/24' });
    await startScriptedResponder(other, '10.1.0.6', sound('10.1.0.6', 'ds.local', 'other'));
    const { document, exitCode } = await diagnose(sound('10.1.0.5'));
    // Whichever is found first: it has no web server, or the other has none.
    expect({ isUsable: document.isUsable, isRight: [3, 4].includes(exitCode) }).toEqual({
      ...{ isUsable: false, isRight: true },
    });
  });

  row('the name on two bridges', async ({ lab, diagnose }) => {
    await lab.addBridge('bn2', '10.2.0.1/24');
    const other = await lab.addApp({ name: 'two', bridge: 'bn2', address: '10.2.0.7/24' });
    await startScriptedResponder(other, '10.2.0.7', sound('10.2.0.7', 'ds.local', 'other'), IMAGE);
    const { findings, exitCode } = await diagnose(sound('10.1.0.5'));
    expect({ findings, exitCode }).toEqual({ findings: ['warning several-bridges'], exitCode: 0 });
  });

  row('one host with two addresses on a bridge', async ({ app, diagnose }) => {
    await app.mustRun(['ip', 'address', 'add', '10.1.0.9/24', 'dev', 'eth0']);
    const { findings, exitCode } = await diagnose([
      forService(ptr(), srv(), a('10.1.0.5'), a('10.1.0.9')),
      forAddress(a('10.1.0.5'), a('10.1.0.9')),
    ]);
    expect({ findings, exitCode }).toEqual({ findings: ['warning several-addresses'], exitCode: 0 });
  });

  row('a name in another case: stock EVE compares bytes', async ({ diagnose }) => {
    const { findings, exitCode, advice } = await diagnose(
      sound('10.1.0.5', 'Ds.local').concat(forAddress(a('10.1.0.5', 'Ds.local'))),
    );
    expect({ findings, exitCode }).toEqual({ findings: ['warning name-case'], exitCode: 0 });
    expect(advice('name-case')).toBe('register http://Ds.local');
  });

  row('another host whose name holds the wanted one: the substring trap', async ({ lab, diagnose }) => {
    const other = await lab.addApp({ name: 'two', bridge: 'bn1', address: '10.1.0.6/24' });
    await startScriptedResponder(other, '10.1.0.6', sound('10.1.0.6', 'my-ds.local', 'mine'));
    const { findings, exitCode, message } = await diagnose(sound('10.1.0.5'));
    expect({ findings, exitCode }).toEqual({ findings: ['warning substring-trap'], exitCode: 0 });
    expect(message('substring-trap')).toContain('takes my-ds.local for ds.local whenever');
  });

  row(
    'an answer for who asks from another port alone: found, as a download finds it',
    async ({ diagnose }) => {
      const rules = [forService(ptr(), srv(), a('10.1.0.5')), forAddress(a('10.1.0.5'))];
      const oneShot = rules.map((rule): ResponderRule => ({ ...rule, asker: 'one-shot' }));
      const { document, exitCode } = await diagnose(oneShot);
      expect(exitCode).toBe(0);
      expect(document.checks.find(({ id }) => id === 'address')?.verdict).toBe('ok');
    },
  );

  row('no service: stock EVE does not ask for addresses', async ({ diagnose }) => {
    const { findings, exitCode } = await diagnose([forAddress(a('10.1.0.5'))]);
    expect({ findings, exitCode }).toEqual({ findings: ['warning no-service'], exitCode: 0 });
  });

  row('A and SRV in separate messages: stock EVE never asks again', async ({ diagnose }) => {
    const { findings, exitCode } = await diagnose([forService(ptr(), srv()), forAddress(a('10.1.0.5'))]);
    expect({ findings, exitCode }).toEqual({ findings: ['warning address-in-other-packet'], exitCode: 0 });
  });

  row('a service type that is not in lower case', async ({ diagnose }) => {
    const odd = '_HTTP._tcp.local';
    const rule = forService(ptr('ds', odd), srv('ds.local', 'ds', odd), a('10.1.0.5'));
    const { findings, exitCode } = await diagnose([rule, forAddress(a('10.1.0.5'))]);
    expect({ findings, exitCode }).toEqual({ findings: ['warning service-type-case'], exitCode: 0 });
  });

  row('two instances of a service in one message: stock EVE leaks a socket', async ({ diagnose }) => {
    const answers = [ptr('first'), ptr('second'), srv('ds.local', 'first'), srv('ds.local', 'second')];
    const { findings, exitCode, message } = await diagnose([
      forService(...answers, a('10.1.0.5')),
      forAddress(a('10.1.0.5')),
    ]);
    expect({ findings, exitCode }).toEqual({ findings: ['warning several-instances'], exitCode: 0 });
    expect(message('several-instances')).toContain('first._http._tcp.local" and "second._http._tcp.local"');
  });

  /** dns-packet writes no malformed NSEC record: the type by its number, the data byte by byte. */
  const nsec = (...bitmap: number[]): Answer =>
    ({
      ...{ name: 'ds.local', type: 'UNKNOWN_47', ttl: 120 },
      data: Buffer.from([...Buffer.from('\u0002ds\u0005local\u0000'), ...bitmap]),
    }) as unknown as Answer;

  for (const [what, bitmap, expected] of [
    ['without any bitmap', [], []],
    ['with a block of length 0', [0, 0], ['warning nsec-empty-bitmap']],
  ] as const)
    row(`an NSEC record ${what}`, async ({ diagnose }) => {
      const { findings, exitCode } = await diagnose([
        answersFor('PTR _http._tcp.local', [ptr()], [srv(), a('10.1.0.5'), nsec(...bitmap)]),
        forAddress(a('10.1.0.5')),
      ]);
      expect({ findings, exitCode }).toEqual({ findings: expected, exitCode: 0 });
    });

  row('a message that is no DNS', async ({ diagnose }) => {
    const malformed = `000084000000000100000000${'ff'.repeat(40)}`;
    const { findings, exitCode } = await diagnose([
      ...sound('10.1.0.5'),
      { question: 'PTR _https._tcp.local', hex: malformed },
    ]);
    expect({ findings, exitCode }).toEqual({ findings: ['warning message-discarded'], exitCode: 0 });
  });

  row('a web server that is not started', async ({ lab, app }) => {
    await startScriptedResponder(app, '10.1.0.5', sound('10.1.0.5'));
    const { findings, exitCode, advice } = await runDoctor(lab.host, URL_OF_IMAGE);
    expect({ findings, exitCode }).toEqual({ findings: ['problem connection-refused'], exitCode: 4 });
    expect(advice('connection-refused')).toContain('start the web server');
  });

  row('an address that was advertised and that no host has', async ({ lab, app }) => {
    await startScriptedResponder(app, '10.1.0.5', sound('10.1.0.77'));
    const { findings, exitCode } = await runDoctor(lab.host, URL_OF_IMAGE);
    expect({ findings, exitCode }).toEqual({ findings: ['problem connection-unreachable'], exitCode: 4 });
  });

  row(
    'text for people: what is wrong, what to try, and nothing that a terminal would act on',
    async ({ lab, app }) => {
      await startScriptedResponder(app, '10.1.0.5', sound('10.1.0.5', 'd\u001b[2Js.local'));
      const { stdout, stderr, exitCode } = await lab.host.run([
        ...['node', 'eve-agent/src/main.ts', 'doctor', URL_OF_IMAGE, '--timeout', LISTEN_SECONDS],
      ]);
      expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 3 });
      expect(stdout).toContain('problem  Who answers');
      expect(stdout).toContain('! nobody answers for ds.local; there is d\\027[2Js.local on bn1');
      expect(stdout).not.toContain('\u001b');
      expect(stdout).toMatch(
        /\nskipped {2}Address, .*\n\nthe datastore cannot be used: nobody answers for ds\.local/,
      );
    },
  );
});

describeWith(['lab', 'root', 'iptables'], 'doctor: firewalls', () => {
  const PORT = ['--dport', '5353'];
  const walled = (title: string, use: (bench: Bench) => Promise<void>) =>
    row(title, async (bench) => {
      await startScriptedResponder(bench.app, '10.1.0.5', sound('10.1.0.5'));
      await use(bench);
    });

  for (const [chain, match, code] of [
    ['INPUT', [], 'multicast-input-blocked'],
    ['OUTPUT', PORT, 'multicast-send-refused'],
  ] as const)
    walled(`this host’s own, in ${chain}`, async ({ lab }) => {
      await lab.host.mustRun(['iptables', '-A', chain, '-p', 'udp', ...match, '-j', 'DROP']);
      const { findings, exitCode } = await runDoctor(lab.host, URL_OF_IMAGE);
      expect({ findings, exitCode }).toEqual({ findings: [`problem ${code}`], exitCode: 3 });
    });

  walled(
    'this host’s own, on port 5353 alone: answers come to another, as for a download',
    async ({ lab }) => {
      await lab.host.mustRun(['iptables', '-A', 'INPUT', '-p', 'udp', ...PORT, '-j', 'DROP']);
      const { findings, exitCode } = await runDoctor(lab.host, URL_OF_IMAGE);
      const expected = ['warning multicast-input-blocked', 'problem connection-refused'];
      expect({ findings, exitCode }).toEqual({ findings: expected, exitCode: 4 });
    },
  );

  walled('the datastore’s, on its port', async ({ lab }) => {
    const other = await lab.addApp({ name: 'two', bridge: 'bn1', address: '10.1.0.6/24' });
    await other.mustRun(['iptables', '-A', 'INPUT', '-p', 'tcp', '-j', 'DROP']);
    await startScriptedResponder(other, '10.1.0.6', sound('10.1.0.6', 'walled.local', 'walled'));
    const { findings, exitCode, advice } = await runDoctor(lab.host, 'http://walled.local/a.img');
    expect({ findings, exitCode }).toEqual({ findings: ['problem connection-timeout'], exitCode: 4 });
    expect(advice('connection-timeout')).toContain('network rules');
  });
});

describeWith(['lab'], 'doctor: bridges', () => {
  let lab: Lab;
  beforeEach(async () => {
    lab = await createLab();
  });
  afterEach(() => lab.stop());

  test('none at all', async () => {
    const { findings, exitCode, message } = await runDoctor(lab.host, URL_OF_IMAGE);
    expect({ findings, exitCode }).toEqual({ findings: ['problem no-bridge'], exitCode: 2 });
    expect(message('no-bridge')).toContain('findDSmDNS: has no bridge interface');
  });

  test.each([
    ['bridge-down', ['link', 'set', 'bn1', 'down']],
    ['bridge-without-ipv4', ['-4', 'address', 'flush', 'dev', 'bn1']],
    ['bridge-without-ports', ['link', 'set', 'veth-one', 'down']],
  ])('%s', async (code, change) => {
    await lab.addBridge('bn1', '10.1.0.1/24');
    await lab.addApp({ name: 'one', bridge: 'bn1', address: '10.1.0.5/24' });
    await lab.host.mustRun(['ip', ...change]);
    if (code === 'bridge-without-ports') {
      // The kernel takes a moment to notice.
      const noticed = 'until ip link show bn1 | grep -q NO-CARRIER; do sleep 0.05; done';
      await lab.host.mustRun(['sh', '-c', noticed]);
    }
    const { findings, exitCode } = await runDoctor(lab.host, URL_OF_IMAGE);
    expect({ findings, exitCode }).toEqual({ findings: [`problem ${code}`], exitCode: 2 });
  });

  test('one that is down beside one that is not', async () => {
    await lab.addBridge('bn1', '10.1.0.1/24');
    await lab.addBridge('bn2', '10.2.0.1/24');
    await lab.host.mustRun(['ip', 'link', 'set', 'bn2', 'down']);
    const app = await lab.addApp({ name: 'one', bridge: 'bn1', address: '10.1.0.5/24' });
    await startScriptedResponder(app, '10.1.0.5', []);
    const { findings } = await runDoctor(lab.host, URL_OF_IMAGE);
    expect(findings).toEqual(['warning bridge-down', 'problem nothing-heard']);
  });
});
