// SPDX-License-Identifier: Apache-2.0
import type { AppInstanceStatus, AppPortMap } from '@local-datastore/shared/eve/app-instance-status';
import type { AppStateChange } from '@local-datastore/shared/eve/app-state-change';
import type { ContentTreeStatus } from '@local-datastore/shared/eve/content-tree-status';
import { displayWidth } from '@local-datastore/shared/text/display-width';
import { describe, expect, it } from 'vitest';
import { createActual, createContent } from '../reconcile/actual.ts';
import { statusDocument } from '../reconcile/status-document.ts';
import { desiredOf, treeOf, uuidOf } from '../reconcile/test-fixtures.ts';
import { appChangeLine, appLine, appStatusTable, isAsWanted } from './app-status.ts';
import { logText } from './logs.ts';
import { type ServiceStatus, statusText } from './status.ts';
import { statusTable } from './status-table.ts';
import { type TimeStatus, timeLines } from './time-status.ts';
import { barLine, barLines, sizeOf } from './watch.ts';

function statusOf(number: number, more: Partial<ContentTreeStatus> = {}): ContentTreeStatus {
  const tree = desiredOf([treeOf(number)]).trees.get(uuidOf(number));
  if (tree === undefined) throw new Error('no tree');
  const actual = createActual();
  actual.contents.set(tree.sha256 ?? '', createContent(tree.sha256 ?? '', 0));
  const facts = {
    actual,
    refCount: 1,
    lackOf: () => undefined,
    fileLocation: '',
    linkFailure: undefined,
    configuredAtMs: 0,
    nowMs: 0,
    wallMs: 0,
  };
  return { ...statusDocument(tree, facts), ...more };
}
const failed = statusOf(2, {
  Error: 'no datastore\u001b[2J',
  ErrorRetryCondition: 'tries again at noon',
  RetryCount: 3,
});

describe('the table', () => {
  it('has a row for each tree, its error below, and nothing a terminal acts on', () => {
    const table = statusTable([statusOf(1, { State: 'VERIFIED', Progress: 100 }), failed]);
    expect(table.split('\n').map((line) => line.replace(/ +/g, ' '))).toEqual([
      'NAME STATE HERE SIZE TRIES UUID',
      `image-1 VERIFIED 100 % 1000 bytes 0 ${uuidOf(1)}`,
      `image-2 WAITING 0 % 1000 bytes 3 ${uuidOf(2)}`,
      expect.stringContaining('no datastore'),
      ' tries again at noon',
      '',
    ]);
    expect(table).not.toContain('\u001b');
  });

  it('says what a person asked for', () => {
    expect(statusTable([statusOf(1, { Hold: 'paused' })])).toContain('paused');
    expect(statusTable([statusOf(1, { Hold: 'paused', State: 'VERIFIED' })])).not.toContain('paused');
    expect(statusTable([])).toContain('no content trees');
  });
});

it('the status says loudly what is wrong with a new configuration', () => {
  const problems = [{ path: 'contentInfo[0].sha256', message: '64 hexadecimal digits expected' }];
  const configuration = {
    source: 'c.json',
    state: 'refused',
    appliedAt: '2026-01-01T00:00:00Z',
    problems,
    warnings: ['datastore 1 is not in the configuration'],
  } as const;
  const text = statusText({
    configuration,
    contentTrees: [],
    apps: null,
    processes: [],
    dhcp: [],
    ntp: null,
  } as unknown as ServiceStatus);
  expect(text).toContain('Configuration from c.json, in force since 2026-01-01T00:00:00Z');
  expect(text).toContain('\n    warning: datastore 1 is not in the configuration\n');
  expect(text).toContain('REFUSED:\n    contentInfo[0].sha256: 64 hexadecimal digits expected');
  const partial = { ...configuration, state: 'partial', problems: [{ path: 'a.json', message: 'not JSON' }] };
  expect(
    statusText({
      configuration: partial,
      contentTrees: [],
      apps: null,
      processes: [],
      dhcp: [],
      ntp: null,
    } as unknown as ServiceStatus),
  ).toContain('What they said before stays, as documents of it are REFUSED:\n    a.json: not JSON');
  const none = { ...configuration, state: 'none' };
  expect(
    statusText({
      configuration: none,
      contentTrees: [],
      apps: null,
      processes: [],
      dhcp: [],
      ntp: null,
    } as unknown as ServiceStatus),
  ).toContain('No configuration');
});

it.each([
  [{ state: 'off', reason: 'it ended with code 9\u001b' }, 'it ended with code 9\\027'],
  [{ state: 'off', reason: 'it is turned off' }, 'it is turned off'],
  [{ state: 'on', reason: null }, null],
  [{ state: 'starting', reason: null }, null],
  [null, null],
])('the status tells that one process does it all: %j', (separation, reason) => {
  const configuration = { source: null, state: 'applied', appliedAt: null, problems: [], warnings: [] };
  const others = { contentTrees: [], apps: null, processes: [], dhcp: [], ntp: null };
  const text = statusText({ configuration, separation, ...others } as unknown as ServiceStatus);
  const line = `\nOne process does it all, without separation: ${reason}\n`;
  if (reason === null) expect(text).not.toContain('separation');
  else expect(text).toContain(line);
});

it('the status tells what confines a process, and what does not', () => {
  const configuration = { source: null, state: 'applied', appliedAt: null, problems: [], warnings: [] };
  const reason = 'who starts it does not have CAP_SYS_ADMIN';
  const missing = [
    { layer: 'network namespace', reason },
    { layer: 'own user', reason: 'who starts it may not' },
    { layer: 'mount namespace', reason },
  ];
  const running = {
    name: 'net',
    state: 'running',
    pid: 12,
    restarts: 1,
    layers: ['own user', 'no capabilities'],
    droppedDatagrams: 3,
  };
  const failing = {
    name: 'odd\u001b[2J',
    state: 'failing',
    pid: null,
    restarts: 7,
    layers: [],
    missing: [],
    droppedDatagrams: 0,
  };
  const processes = [{ ...running, missing }, failing];
  const none = { interface: 'eth1', address: null, server: null, reason: 'refused: a lease of no length' };
  const dhcp = [{ ...none, interface: 'eth0', address: '10.0.0.5/24', server: '10.0.0.2' }, none];
  const text = statusText({
    configuration,
    contentTrees: [],
    apps: null,
    processes,
    dhcp,
    ntp: null,
  } as unknown as ServiceStatus);
  expect(text).toContain('\neth0 has 10.0.0.5/24 by DHCP from 10.0.0.2\n');
  expect(text).toContain('\neth1 has no address by DHCP yet: refused: a lease of no length\n');
  expect(text).toContain('\nProcess net (pid 12) runs, started again once: own user, no capabilities\n');
  expect(text).toContain('\n    3 datagrams kept from it\n');
  expect(text).toContain(`\n    without network namespace, mount namespace, since ${reason}\n`);
  expect(text).toContain('\n    without own user, since who starts it may not\n');
  expect(text).toContain('\nProcess odd\\027[2J ends again and again, started again 7 times\n');
});

describe('the status tells of the time', () => {
  const server = {
    ...{ name: 'ds.local', address: '10.0.0.9', role: 'system-peer', trouble: null, stratum: 4 },
    ...{ isReached: true, offsetMs: -2.5 },
  };
  const told = {
    ...{ state: 'synchronized', watchedSince: null, refusal: null, offsetMs: -2.5, errorMs: 12, stratum: 5 },
    ...{ server: 'ds.local', lastStep: null, servers: [] },
  };
  it.each<[string, Partial<TimeStatus>, string[]]>([
    [
      'that it is kept right',
      {},
      ['Time: the clock is kept right at stratum 5, 2.500 ms ahead of ds.local, give or take 12.000 ms'],
    ],
    [
      'when the clock was set',
      { offsetMs: null, lastStep: { at: '2026-01-01T00:00:00.000Z', byMs: -7000 } },
      [
        'Time: the clock is kept right at stratum 5',
        '    it was set by -7.000 s at 2026-01-01T00:00:00.000Z',
      ],
    ],
    [
      'that it is only watched, and why',
      { state: 'watched', watchedSince: 'no right', offsetMs: 7000, errorMs: null },
      ['Time: the clock is only watched, 7000.000 ms behind ds.local', '    it is never set, since no right'],
    ],
    [
      'that a correction was refused',
      { state: 'refused', refusal: 'panic', server: null, errorMs: null },
      ['Time: the clock is not moved (panic), 2.500 ms ahead of its servers'],
    ],
    ['that nobody answers', { state: 'unreachable' }, ['Time: no server answers']],
    ['what it does not know', { state: 'odd\u001b[2J' }, ['Time: odd\\027[2J']],
    [
      'of each server',
      {
        state: 'measuring',
        servers: [
          server,
          { ...server, name: '10.0.0.9', role: 'falseticker', offsetMs: 7000 },
          { ...server, address: null, role: 'unusable', stratum: null, isReached: false, offsetMs: null },
          {
            ...server,
            role: 'unusable',
            trouble: 'kiss-DENY',
            stratum: null,
            isReached: false,
            offsetMs: null,
          },
        ],
      },
      [
        'Time: its servers are being asked',
        '    ds.local (10.0.0.9): system-peer, stratum 4, 2.500 ms behind this clock',
        '    10.0.0.9: falseticker, stratum 4, 7000.000 ms ahead of this clock',
        '    ds.local: unusable, not found',
        '    ds.local (10.0.0.9): unusable, no answer, kiss-DENY',
      ],
    ],
  ])('%s', (_, fields, lines) => {
    expect(timeLines({ ...told, ...fields })).toEqual(lines);
  });

  it('where servers are asked', () => {
    const configuration = { source: null, state: 'none', appliedAt: null, problems: [], warnings: [] };
    const status = { configuration, contentTrees: [], apps: null, processes: [], dhcp: [] };
    const textOf = (ntp: TimeStatus | null) => statusText({ ...status, ntp } as unknown as ServiceStatus);
    expect(textOf(null)).not.toContain('Time:');
    expect(textOf(told)).toContain('\nTime: the clock is kept right');
  });
});

const REASON = '    GET http://10.1.0.5/image-2 was answered with 404 (Not Found): is it there?';

describe('the bars', () => {
  it('grow with the progress', () => {
    expect(barLine(statusOf(1, { Progress: 50, CurrentSize: 500, State: 'DOWNLOADING' }), 120)).toMatch(
      /^image-1 +\[#{12}-{12}\] {2}50 % {2}DOWNLOADING 500 bytes of 1000 bytes$/,
    );
  });

  it('show what is under way first, and count the rest', () => {
    const trees = Array.from({ length: 30 }, (_, i) => statusOf(i, i < 3 ? { State: 'VERIFIED' } : {}));
    trees.push(statusOf(40, { State: 'DOWNLOADING' }));
    const lines = barLines(trees, { columns: 60, rows: 24 });
    expect(lines.length).toBe(21);
    expect(lines[0]).toContain('image-40');
    expect(lines.at(-1)).toBe('3 of 31 verified; 8 more wait');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(60);
    expect(barLines(trees, { columns: 60, rows: 5 })).toHaveLength(4);
    expect(barLines(trees, { columns: 60, rows: 1 })).toEqual(['3 of 31 verified; 28 more wait']);
  });

  it.each([
    [81, ['image-2                 [----------]   0 %  WAITING     0 bytes of 1000 bytes', REASON]],
    [
      40,
      [
        'image-2      [-----]   0 %  WAITING',
        '    GET http://10.1.0.5/image-2 was',
        '    answered with 404 (Not Found): is …',
      ],
    ],
    [10, ['image-2  …', '    GET', '    http:…']],
  ])('say at %i columns why a tree waits', (columns, lines) => {
    const waiting = { ...failed, Error: REASON.trim() };
    const drawn = barLines([waiting], { columns, rows: 24 });
    expect(drawn.slice(0, lines.length)).toEqual(lines);
    expect(Math.max(...drawn.map(displayWidth))).toBeLessThanOrEqual(columns);
  });

  it('never wrap, whatever the name is written in, and need no terminal that knows its size', () => {
    const [line = ''] = barLines([statusOf(1, { DisplayName: '日本'.repeat(40) })], sizeOf({ columns: 0 }));
    expect(line).toMatch(/^(?:日本){5}… {2}\[-{10}\]/);
    expect(displayWidth(line)).toBeLessThanOrEqual(80);
    expect(sizeOf({ columns: 0, rows: 0 })).toEqual({ columns: 80, rows: 24 });
  });
});

const appOf = (more: Partial<AppInstanceStatus> = {}): AppInstanceStatus => ({
  ...{
    AppID: uuidOf(7),
    DisplayName: 'web',
    Activate: true,
    State: 'RUNNING',
    StateTime: 'T',
    ContentID: '',
  },
  ...{ Image: '', Generation: 2, BootTime: '', RestartCount: 0, LastSwitch: null, IPAddress: '', Bridge: '' },
  ...{ PortMaps: [], Error: '', ErrorTime: '', ErrorCode: '', Warnings: [] },
  ...more,
});
const hostile = appOf({
  ...{ AppID: uuidOf(8), DisplayName: 'x\u001b[2J\ny', State: 'BROKEN', Error: 'it ended\u001b]0;x\u0007' },
  RestartCount: 5,
  LastSwitch: {
    ...{
      Time: 'T',
      Outcome: 'kept',
      Code: 'EXITED',
      ContentSha256: '',
      How: '',
      Asked: 9,
      Failed: 1,
      GapMs: 40,
    },
  },
});
/** What a terminal would act on but the end of a line. */
const acting = (text: string) => [...text].filter((character) => character < ' ' && character !== '\n');

describe('apps', () => {
  it('stand below the content trees with their last switch, each error below its row', () => {
    const table = appStatusTable([appOf(), hostile]);
    expect(table.split('\n').map((line) => line.replace(/ +/g, ' '))).toEqual([
      'APP STATE SINCE VERSION RESTARTS LAST SWITCH PORTS UUID',
      `web RUNNING T 2 0 - - ${uuidOf(7)}`,
      expect.stringMatching(/^x\\027\[2J\\010y BROKEN T 2 5 taken back \(EXITED\), gap 40 ms /),
      expect.stringMatching(/^ it ended/),
      '',
    ]);
    expect(acting(table)).toEqual([]);
    const configuration = { source: null, state: 'applied', appliedAt: 'T', problems: [], warnings: [] };
    const text = (apps: AppInstanceStatus[] | null) =>
      statusText({
        configuration,
        contentTrees: [],
        apps,
        processes: [],
        dhcp: [],
        ntp: null,
      } as unknown as ServiceStatus);
    expect(text([appOf()])).toContain(`no content trees.\n\n${appStatusTable([appOf()])}`);
    expect(text([])).toMatch(/no content trees\.\n\nThe configuration has no apps\.\n$/);
    expect(text(null)).toMatch(/no content trees\.\n$/);
  });

  const map = { Protocol: 'tcp', HostAddress: '', HostPort: 8080, AppPort: 80 };
  it.each<[string, string, AppPortMap[]]>([
    ['no', '-', []],
    ['one', '8080->80/tcp', [map]],
    [
      'those of one address',
      '127.0.0.1:8080->80/tcp [::1]:8080->80/tcp',
      [
        { ...map, HostAddress: '127.0.0.1' },
        { ...map, HostAddress: '::1' },
      ],
    ],
    [
      'the first of many',
      '53->53/udp 8080->80/tcp 8080->80/tcp +2',
      [{ ...map, Protocol: 'udp', HostPort: 53, AppPort: 53 }, map, map, map, map],
    ],
    ['hostile', '\\027[2J:8080->80/\\027x', [{ ...map, HostAddress: '\u001b[2J', Protocol: '\u001bx' }]],
  ])('are shown with %s ports of the device that lead into them', (_what, shown, PortMaps) => {
    const [, row = ''] = appStatusTable([appOf({ PortMaps })]).split('\n');
    expect(row.replace(/ +/g, ' ')).toBe(`web RUNNING T 2 0 - ${shown} ${uuidOf(7)}`);
  });

  it('are as they are wanted where they run, or are halted, without an error', () => {
    const wanted = (more: Partial<AppInstanceStatus>) => isAsWanted(appOf(more));
    expect(wanted({})).toBe(true);
    expect(wanted({ Activate: false, State: 'HALTED' })).toBe(true);
    expect(wanted({ Activate: false })).toBe(false);
    expect(wanted({ State: 'BOOTING' })).toBe(false);
    expect(wanted({ Error: 'it was taken back' })).toBe(false);
  });

  it('are told of in lines that no name and no reason can break', () => {
    expect(appLine(appOf())).toMatch(/^web {26}RUNNING$/);
    const change: AppStateChange = {
      ...{ AppID: uuidOf(8), DisplayName: 'x\n\u001b[2J', OldState: 'BOOTING', State: 'BROKEN', Time: 'T' },
      ...{ By: 'app', Why: 'it ended\u001b[31m' },
    };
    expect(appChangeLine(change)).toMatch(/ BROKEN {10}was BOOTING, by the app: it ended/);
    for (const line of [appLine(hostile), appChangeLine(change)]) {
      expect([...acting(line), line.includes('\n')]).toEqual([false]);
    }
  });

  it('that are not as they are wanted share the terminal with the bars', () => {
    const trees = Array.from({ length: 30 }, (_, i) => statusOf(i, { State: 'DOWNLOADING' }));
    const broken = Array.from({ length: 30 }, (_, i) => appOf({ AppID: uuidOf(i), State: 'BROKEN' }));
    const size = { columns: 60, rows: 12 };
    expect(barLines(trees, size, [appOf(), ...broken])).toHaveLength(11);
    expect(barLines(trees, size, broken).filter((line) => line.includes('BROKEN'))).toHaveLength(5);
    expect(barLines([], size, [appOf(), hostile])).toEqual([
      expect.stringContaining('BROKEN'),
      '0 of 0 verified; 1 of 2 apps are as they are wanted',
    ]);
    expect(barLines([], { columns: 60, rows: 1 }, broken)).toEqual([
      '0 of 0 verified; 0 of 30 apps are as they are wanted',
    ]);
  });
});

it('a line of the log has time, level, sentence and fields', () => {
  const fields = { downloadId: 'ab', address: null, bytes: 5 };
  expect(logText({ time: 'T', level: 'info', message: 'verified', fields })).toBe(
    'T info  verified  downloadId=ab bytes=5',
  );
});
