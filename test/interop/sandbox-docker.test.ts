// SPDX-License-Identifier: Apache-2.0
/** Calves in containers of Docker's engine: fewer layers than on a host, and it is said which (bubblewrap #505). */
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type BundledCalf, bundleTestCalf } from '../integration/bundled-calf.ts';
import { readDiagnosis } from '../integration/doctor-runs.ts';
import { type RunningEngine, startDockerEngine } from '../lab/docker-engine.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import { eveAgent } from '../lab/programs.ts';
import { WORKSPACE } from '../lab/run-program.ts';
import { describeWith } from '../requirements.ts';

const IMAGE = 'nothing-of-its-own';
const NAMESPACES = ['network namespace', 'mount namespace', 'IPC namespace', 'UTS namespace'];
const AS_AGENT_YAML = [
  ...['--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', '--user', '1000:1000', '--read-only'],
];
const ALWAYS = { capEff: 0, capPrm: 0, capAmb: 0, noNewPrivs: true, seccomp: 2 };

describeWith(['lab', 'root', 'dockerd'], 'in a container', () => {
  let folder: string;
  let bundled: BundledCalf;
  let lab: Lab;
  let engine: RunningEngine;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sandbox-docker-'));
    bundled = await bundleTestCalf();
    lab = await createLab();
    engine = await startDockerEngine(lab.host, join(folder, 'engine'));
    // Its programs are this machine's.
    const root = join(folder, 'root');
    for (const made of ['usr', 'tmp', 'node', 'agent']) await mkdir(join(root, made), { recursive: true });
    for (const name of ['bin', 'lib', 'lib64']) await symlink(`usr/${name}`, join(root, name));
    // A file system that is mounted there takes over its mode.
    await chmod(join(root, 'tmp'), 0o1777);
    execFileSync('tar', ['-C', root, '-cf', join(folder, 'root.tar'), '.']);
    await engine.docker('import', join(folder, 'root.tar'), IMAGE);
  });
  afterAll(async () => {
    await engine?.stop();
    await lab?.stopWithAll();
    await bundled?.remove();
    await rm(folder, { recursive: true, force: true });
  });

  /** Lets the calf try things in a container that is started with these options. */
  async function run(...options: readonly string[]) {
    const volumes = ['/usr:/usr:ro', `${dirname(process.execPath)}:/node:ro`, `${bundled.folder}:/agent:ro`];
    const output = await engine.docker(
      ...[
        'run',
        '--rm',
        '--network',
        'none',
        ...volumes.flatMap((each) => ['--volume', each]),
        ...options,
        IMAGE,
      ],
      ...[
        '/node/node',
        '/agent/main.js',
        'connect=80',
        'read a file=/etc/hosts',
        'kill=1',
        'hash=x',
        'leave',
      ],
    );
    const [started, ...answers] = output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(answers.map(({ refused }: { refused?: string }) => refused)).toEqual([
      ...['EPERM', 'ERR_ACCESS_DENIED', 'EPERM', undefined],
    ]);
    const names = started.missing.map(({ layer }: { layer: string }) => layer);
    return { layers: started.layers, missing: names, output: started.output };
  }

  it('as compose/agent.yaml starts one, a calf has what needs no right', async () => {
    const started = await run(...AS_AGENT_YAML);
    expect(started).toEqual({
      layers: expect.objectContaining({ ...ALWAYS, uid: 1000, capBnd: 0 }),
      missing: ['own user', ...NAMESPACES],
      output: [],
    });
  });

  it('as compose/agent.yaml starts one, an agent separates, and it and the doctor say which layers are missing', async () => {
    const volumes = [WORKSPACE.replace(/\/$/, ''), dirname(process.execPath), '/usr'];
    const name = 'separated';
    await engine.docker(
      ...['run', '--detach', '--rm', '--name', name, '--network', 'none', '--tmpfs', '/tmp'],
      ...volumes.flatMap((each) => ['--volume', `${each}:${each}:ro`]),
      ...[...AS_AGENT_YAML, IMAGE, ...eveAgent('run', '--state', '/tmp/state')],
    );
    const status = () =>
      engine.docker('exec', name, ...eveAgent('status', '--state', '/tmp/state')).catch(String);
    await expect.poll(status).toMatch(/^Process net \(pid \d+\) runs: no capabilities, no new privileges/m);
    const shown = await status();
    expect(shown).toMatch(/^ {4}without own user, since /m);
    expect(shown).toMatch(
      /^ {4}without network namespace, mount namespace, IPC namespace, UTS namespace, since /m,
    );
    const asked = await engine.docker('exec', name, ...eveAgent('doctor', '--json'));
    const { document, findings } = readDiagnosis(asked, 0);
    expect(findings).toEqual(['warning layers-missing', 'warning layers-missing']);
    expect(document.checks[0]?.facts).toMatchObject({
      ...{ isSeparated: true, user: 1000, missing: ['own user', ...NAMESPACES] },
    });
    await engine.docker('stop', name);
  });

  it('as Docker starts one, a calf has a user of its own as well', async () => {
    const started = await run();
    expect(started).toEqual({
      layers: expect.objectContaining({ ...ALWAYS, uid: 65533, gid: 65533, groups: [], capBnd: 0 }),
      missing: NAMESPACES,
      output: [],
    });
  });

  it('with SYS_ADMIN a calf has all layers', async () => {
    const started = await run('--cap-add', 'SYS_ADMIN', '--security-opt', 'apparmor=unconfined');
    expect(started).toEqual({
      layers: expect.objectContaining({ ...ALWAYS, uid: 65533, capBnd: 0 }),
      missing: [],
      output: [],
    });
  });
});
