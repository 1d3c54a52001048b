// SPDX-License-Identifier: Apache-2.0
/** The calf of the manual, taken from its page: it compiles, and runs as a process with all layers. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { calfScriptName } from '@local-datastore/shared/confinement/launcher/roles';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bundleScriptsOf } from '../../compose/calf-scripts.ts';
import type { AuditEntry } from '../../eve-agent/src/sandbox/audit/audit-entry.ts';
import type { RunDeps, RunningCalf } from '../../eve-agent/src/sandbox/monitor/run-calf.ts';
import type { CalfManifest } from '../../eve-agent/src/sandbox/sdk/manifest.ts';
import { createKeyStore, type KeyStore } from '../../eve-agent/src/sandbox/store/key-store.ts';
import type { Log } from '../../shared/src/log.ts';
import { systemClock } from '../../shared/src/system-clock.ts';
import { mustRunProgram } from '../lab/run-program.ts';
import { describeWith } from '../requirements.ts';
import { parseManual, WORKSPACE } from './manuals.ts';

const PAGE = 'eve-agent/docs/write-a-calf.md';
const MAX_CALF_LINES = 40;
/** Of this test alone. */
const PLACE = { address: '127.77.13.1', port: 514 };
const SCRIPT = calfScriptName('syslog');

type RunSyslog = (
  deps: RunDeps,
  place: typeof PLACE,
  publish: (host: string, line: string | null) => void,
) => RunningCalf<CalfManifest>;

/** The programs of the page by their names, as they stand there. */
async function readPage(): Promise<Map<string, string>> {
  const { blocks } = parseManual(PAGE, await readFile(join(WORKSPACE, PAGE), 'utf8'));
  const programs = blocks.filter(({ language }) => language === 'ts').map(({ text }) => text);
  return new Map(programs.map((text) => [/^\/\/ (\S+\.ts)$/m.exec(text)?.[1] ?? '', text]));
}

/** Written anywhere, they import what they would in the folder of a calf. */
async function writePrograms(programs: ReadonlyMap<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'written-calf-'));
  for (const [name, text] of programs) {
    const moved = text.replaceAll("'../../", `'${join(WORKSPACE, 'eve-agent/src/sandbox')}/`);
    await writeFile(join(folder, name), moved);
  }
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  await writeFile(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      extends: join(WORKSPACE, 'tsconfig.json'),
      ...{ include: ['*.ts'], exclude: [] },
      compilerOptions: { typeRoots: [join(WORKSPACE, 'node_modules/@types')] },
    }),
  );
  return folder;
}

let page: Map<string, string>;
let folder: string;
/** The same calf, with a manifest in which it may do what the agent's does not let it. */
let hostileFolder: string;
beforeAll(async () => {
  page = await readPage();
  folder = await writePrograms(page);
  const greedy = (page.get('manifest.ts') ?? '').replace("'alarm/*'", "'other/*'");
  hostileFolder = await writePrograms(new Map([...page, ['manifest.ts', greedy]]));
  for (const each of [folder, hostileFolder]) {
    await bundleScriptsOf({ [SCRIPT]: join(each, 'main.ts') }, each);
  }
});
afterAll(() => Promise.all([folder, hostileFolder].map((each) => rm(each, { recursive: true }))));

describe('the calf of the manual', () => {
  it(`is at most ${MAX_CALF_LINES} lines`, () => {
    expect([...page.keys()]).toEqual(['manifest.ts', 'main.ts', 'run-syslog.ts']);
    const lines = ['manifest.ts', 'main.ts'].flatMap((name) => page.get(name)?.split('\n') ?? []);
    expect(lines.length).toBeLessThanOrEqual(MAX_CALF_LINES);
  });

  it('compiles, with types of its keys and descriptors', async () => {
    const compile = (each: string) =>
      mustRunProgram(['node_modules/.bin/tsc', '--noEmit', '--project', each]);
    expect(await compile(folder)).toBe('');
    const wrong = (page.get('main.ts') ?? '').replace('write(line, address)', 'write(line)');
    const wrongFolder = await writePrograms(new Map([...page, ['main.ts', wrong]]));
    await expect(compile(wrongFolder)).rejects.toThrow(/main\.ts\(\d+,\d+\): error TS2554/);
    await rm(wrongFolder, { recursive: true });
  });
});

describeWith(['root'], 'the calf of the manual, running', () => {
  let store: KeyStore;
  let calf: RunningCalf<CalfManifest>;
  let device: Socket;
  const audited: AuditEntry[] = [];
  const logged: string[] = [];
  const published: (readonly [string, string | null])[] = [];
  const audit = { append: (entry: AuditEntry) => void audited.push(entry) };

  async function start(script: string): Promise<void> {
    const line = (fields: object, message: string) =>
      void logged.push(`${message} ${JSON.stringify(fields)}`);
    const log: Log = { debug: line, info: line, warn: line, error: line, child: () => log };
    store = createKeyStore({ audit, log });
    const code = { kind: 'script', file: join(script, SCRIPT) } as const;
    const { runSyslog } = (await import(join(folder, 'run-syslog.ts'))) as { runSyslog: RunSyslog };
    const deps = { store, audit, clock: systemClock, log, code };
    calf = runSyslog(deps, PLACE, (host, text) => published.push([host, text]));
  }
  /** Says it, until what is looked for is there: datagrams may be lost, and it may not hear yet. */
  const sayUntil = (line: string, look: () => unknown) =>
    expect.poll(
      () => {
        device.send(line, PLACE.port, PLACE.address);
        return look();
      },
      { message: logged.join('\n') },
    );

  beforeEach(async () => {
    for (const each of [audited, logged, published]) each.length = 0;
    device = createSocket('udp4');
    device.bind(0, '127.77.13.2');
    await once(device, 'listening');
  });
  afterEach(async () => {
    device.close();
    await calf.close();
  });

  it('writes what it is to, and its handler acts on that until it ends', async () => {
    await start(folder);
    await sayUntil('<14>all is well', () => calf.current()?.pid).toBeGreaterThan(0);
    await sayUntil('<11>the pump is dry', () => published.length).toBeGreaterThan(0);
    expect(new Set(published.map(String))).toEqual(new Set(['127.77.13.2,the pump is dry']));
    expect(store.list('/syslog/alarm/*').map(({ path }) => path.at(-1))).toEqual(['127.77.13.2']);
    await expect
      .poll(() => logged.join('\n'))
      .toContain('an alarm was heard {"from":"127.77.13.2","process":"syslog"}');
    expect(audited).toContainEqual({
      ...{ actor: 'syslog', op: 'handle', path: '/syslog/alarm/127.77.13.2', verdict: 'ok' },
      ...{ handler: 'publish', value: new Uint8Array(Buffer.from('the pump is dry')) },
    });
    await calf.close();
    expect(published.at(-1)).toEqual(['127.77.13.2', null]);
    expect(store.list('/syslog/alarm/*')).toEqual([]);
  });

  it('has no right, no network and no descriptor but its own', async () => {
    await start(folder);
    await sayUntil('<11>the pump is dry', () => published.length).toBeGreaterThan(0);
    expect(calf.current()?.layers()).toMatchObject({
      ...{ uid: 65525, capEff: 0n, capBnd: 0n, noNewPrivs: true, seccomp: 2 },
      ownNamespaces: { net: true, mnt: true, ipc: true, uts: true },
    });
    const proc = `/proc/${calf.current()?.pid}`;
    const interfaces = (await readFile(`${proc}/net/dev`, 'utf8')).matchAll(/^ *([^ :|]+):/gm);
    expect([...interfaces].map(([, name]) => name)).toEqual(['lo']);
    const descriptors = await readdir(`${proc}/fd`);
    const targets = await Promise.all(descriptors.map((fd) => readlink(`${proc}/fd/${fd}`)));
    expect(targets.filter((target) => /^\/(?!dev\/null$)./.test(target))).toEqual([]);
  });

  it('is refused another key, which is audited, and its end is no one else’s', async () => {
    await start(hostileFolder);
    await sayUntil('<11>the pump is dry', () =>
      audited.filter(({ verdict }) => verdict === 'DENIED'),
    ).toEqual(
      expect.arrayContaining([
        {
          ...{ actor: 'syslog', op: 'write', path: '/syslog/other/127.77.13.2', verdict: 'DENIED' },
          value: Buffer.from('the pump is dry'),
        },
      ]),
    );
    await expect.poll(() => logged.join('\n')).toMatch(/it cannot go on .*DENIED/);
    expect([published, store.list('/syslog/**').map(({ path }) => path.at(-1))]).toEqual([[], ['threshold']]);
  });
});
