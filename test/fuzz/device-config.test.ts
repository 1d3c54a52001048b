// SPDX-License-Identifier: Apache-2.0
/** Device configurations of any kind: refused with a path, or planned so that no file leaves its folder. */
import { expect, it } from 'vitest';
import { planDesired } from '../../eve-agent/src/reconcile/desired.ts';
import {
  CONTENT_EVENTS,
  CONTENT_STATES,
  type ContentState,
  nextState,
  TRANSITIONS,
} from '../../eve-agent/src/reconcile/transitions.ts';
import { readConfigDocument } from '../../shared/src/eve/config-document.ts';
import { readDeviceConfig } from '../../shared/src/eve/device-config.ts';
import { type Random, randomOfThisRun } from '../random.ts';
import { repetitions } from '../soak.ts';

const CASES = repetitions({ short: 4000, long: 20_000 });
const WALKS = repetitions({ short: 400, long: 2000 });
const WALK_STEPS = 50;
const SHA256 = /^[0-9a-f]{64}$/;

const uuidOf = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
const ODD = [
  null,
  true,
  -1,
  1.5,
  1e300,
  '',
  ' ',
  'x',
  '../../etc/passwd',
  [],
  {},
  '\u0000',
  'a'.repeat(5000),
];

/** Mostly what a controller sends, now and then something else. */
function oneOf(random: Random, usual: readonly unknown[]): unknown {
  return random.integer(0, 14) === 0 ? random.pick(ODD) : random.pick(usual);
}

function randomConfiguration(random: Random): unknown {
  const datastore = () => ({
    id: oneOf(random, [uuidOf(1), uuidOf(2), uuidOf(1).toUpperCase()]),
    dType: oneOf(random, ['DsHttp', 'DsHttps', 1, 2, 'DsS3', 5]),
    fqdn: oneOf(random, [
      'http://ds.local',
      'https://ds.local:8443/x',
      'ds.local',
      'http://[::1]',
      'ftp://a',
    ]),
    dpath: oneOf(random, ['', 'a/b', '/a/', '..', '%2e%2e']),
    apiKey: oneOf(random, ['', 'Bearer']),
    password: oneOf(random, ['', 'secret', 'line\nbreak']),
    dsCertPEM: oneOf(random, [[], ['LS0t'], undefined, ['-----BEGIN X'], ['-_8']]),
    unknown: random.pick(ODD),
  });
  const tree = () => ({
    uuid: oneOf(random, [uuidOf(1), uuidOf(2), uuidOf(3)]),
    [random.pick(['dsIdsList', 'ds_ids_list', 'DsIdsList'])]: oneOf(random, [
      [uuidOf(1)],
      [uuidOf(2), uuidOf(1)],
      [],
      [uuidOf(9), 'x'],
    ]),
    dsId: oneOf(random, ['', uuidOf(1)]),
    URL: oneOf(random, ['disk.img', 'a/b.img', '/x', '../x', '?q', '#f', 'http://evil.example/x']),
    iformat: oneOf(random, ['RAW', 'QCOW2', 2, 'CONTAINER', 99]),
    sha256: oneOf(random, ['ab'.repeat(32), 'AB'.repeat(32), 'ab', '']),
    maxSizeBytes: oneOf(random, ['1048576', 10, '0', '-1', '9'.repeat(30)]),
    displayName: oneOf(random, ['disk', '..', '.hidden', 'a/b', uuidOf(7), 'disk ', '-rf', 'ä']),
    generationCount: oneOf(random, ['1', 0]),
  });
  const app = () => ({
    uuidandversion: oneOf(random, [{ uuid: uuidOf(1) }, { uuid: uuidOf(2), version: '1' }]),
    displayname: oneOf(random, ['web', '../x']),
    fixedresources: oneOf(random, [{ memory: 1024 }, { virtualization_mode: 1 }, {}]),
    interfaces: oneOf(random, [[], [{ network_id: uuidOf(3), acls: [{ actions: [{ appPort: 80 }] }] }]]),
    volumeRefList: oneOf(random, [[{ uuid: uuidOf(4) }], [{ uuid: uuidOf(4), mount_dir: '/data' }]]),
    restart: oneOf(random, [{ counter: 1 }, { counter: '2' }]),
  });
  const volume = () => ({
    uuid: oneOf(random, [uuidOf(4), uuidOf(5)]),
    origin: oneOf(random, [{ type: 1 }, { type: 'VCOT_DOWNLOAD', downloadContentTreeID: uuidOf(1) }]),
  });
  const list = (make: () => unknown) =>
    oneOf(random, [
      Array.from({ length: random.integer(0, 3) }, make),
      [make(), random.pick(ODD)],
      undefined,
    ]);
  return random.integer(0, 49) === 0
    ? random.pick(ODD)
    : {
        datastores: list(datastore),
        contentInfo: list(tree),
        apps: list(app),
        volumes: list(volume),
        other: random.pick(ODD),
      };
}

it('are taken or refused, each entry by itself, and what is taken has names of its own folder', () => {
  const random = randomOfThisRun('device configurations');
  const counts = { taken: 0, trees: 0, apps: 0, refused: 0 };
  for (let count = 0; count < CASES; count += 1) {
    const document = randomConfiguration(random);
    const read = readConfigDocument(document);
    if (!read.isConfig) {
      expect(read.message).not.toBe('');
      counts.refused += 1;
      continue;
    }
    counts.taken += 1;
    const { lists } = read;
    const config = readDeviceConfig([{ name: random.pick(['', 'a.json']), lists }]);
    // Each entry has a place: it is used, or said to be unusable.
    expect(config.contentInfo.length + config.unusableTrees.length).toBe(lists.contentInfo.length);
    expect(config.datastores.length + config.unusableDatastores.length).toBeLessThanOrEqual(
      lists.datastores.length,
    );
    expect(new Set(config.unusableTrees.map(({ id }) => id)).size).toBe(config.unusableTrees.length);
    expect(config.apps.length + config.unusableApps.length).toBe(lists.apps.length);
    expect(config.volumes.length + config.unusableVolumes.length).toBe(lists.volumes.length);
    for (const { problems } of [
      ...config.unusableTrees,
      ...config.unusableDatastores,
      ...config.unusableApps,
      ...config.unusableVolumes,
    ]) {
      expect(problems.length).toBeGreaterThan(0);
      for (const { message } of problems) expect(message).not.toBe('');
    }
    counts.trees += config.contentInfo.length;
    counts.apps += config.apps.length;
    const desired = planDesired(config, { allowPlainCredentials: random.integer(0, 1) === 1 });
    const names = new Set<string>();
    for (const { name, sha256, sources } of desired.trees.values()) {
      expect(name).toMatch(/^[A-Za-z0-9][^/\\]*$/);
      expect(names.has(name)).toBe(false);
      names.add(name);
      if (sha256 !== null) expect(sha256).toMatch(SHA256);
      for (const { url } of sources) expect(new URL(url).hostname).not.toBe('evil.example');
    }
    for (const [sha256, content] of desired.contents) {
      expect(content.parts.every((each) => each.sha256 === sha256)).toBe(true);
    }
  }
  for (const count of Object.values(counts)) expect(count).toBeGreaterThan(CASES / 100);
});

it('any walk through the states of content keeps to the table, and none is a dead end', () => {
  const random = randomOfThisRun('state walks');
  const seen = new Set<ContentState>();
  for (let walk = 0; walk < WALKS; walk += 1) {
    let state: ContentState = 'INITIAL';
    for (let step = 0; step < WALK_STEPS; step += 1) {
      const event = random.pick(CONTENT_EVENTS);
      const foreseen: ContentState | undefined = TRANSITIONS[state][event];
      if (foreseen === undefined) expect(() => nextState(state, event)).toThrow('cannot happen');
      else state = nextState(state, event);
      seen.add(state);
    }
    expect(Object.keys(TRANSITIONS[state]).length).toBeGreaterThan(0);
  }
  expect([...seen].sort()).toEqual([...CONTENT_STATES].sort());
});
