// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { readAgentJson } from '../lab/printed-json.ts';
import { type RunningDatastore, runAgent, startDatastore } from '../lab/programs.ts';
import { createServiceAgent, LOCAL, type ServiceAgent, treeOf, uuidOf } from '../lab/service-agent.ts';
import { describeWith } from '../requirements.ts';
import { makeImage, sha256Of } from './image-server.ts';

const large = makeImage(24 * 1024 * 1024 + 321);
const small = makeImage(40_000, 'small');
/** About 3 MB/s: a download takes long enough to be disturbed in the middle. */
const SLOW_LINK = ['tbf', 'rate', '24mbit', 'burst', '64kb', 'latency', '400ms'];
const OTHER = '0c0f3d0e-9d5c-4f5e-9d3b-2b6f3a7f1f11';

describeWith(['lab', 'tc'], 'eve-agent run', () => {
  let folder: string;
  let state: string;
  let config: string;
  let lab: Lab;
  let app: App;
  let datastore: RunningDatastore | undefined;
  let agent: ServiceAgent;

  async function serve() {
    const args = ['--root', join(folder, 'root'), '--state', join(folder, 'ds-state'), '--host-name', 'ds'];
    datastore = await startDatastore(app, args);
  }

  const configure: ServiceAgent['configure'] = (...args) => agent.configure(...args);
  const startAgent: ServiceAgent['start'] = (...args) => agent.start(...args);
  const endAgent: ServiceAgent['end'] = (signal) => agent.end(signal);
  const statusOf: ServiceAgent['statusOf'] = (number) => agent.statusOf(number);
  const expectState: ServiceAgent['expectState'] = (...args) => agent.expectState(...args);
  const partialBytes = async () =>
    (await stat(join(state, 'pending', `.${sha256Of(large)}.partial`)).catch(() => null))?.size ?? 0;
  const slowDown = () => app.mustRun(['tc', 'qdisc', 'replace', 'dev', 'eth0', 'root', ...SLOW_LINK]);
  const fullSpeed = () => app.run(['tc', 'qdisc', 'del', 'dev', 'eth0', 'root']);
  const imageOf = (number: number) => readFile(join(state, 'images', `image-${number}`));
  /** The lines of the agent's log with a message. */
  const lines = (message: string) =>
    agent
      .log()
      .split('\n')
      .filter((line) => line.includes(`"msg":"${message}"`))
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'agent-run-'));
    await mkdir(join(folder, 'root', 'images'), { recursive: true });
    await writeFile(join(folder, 'root', 'images', 'large.img'), large);
    await writeFile(join(folder, 'root', 'images', 'small.img'), small);
    lab = await createLab();
    await lab.addBridge('bn1', '10.1.0.1/24');
    await lab.addBridge('bn2', '10.2.0.1/24');
    app = await lab.addApp({ name: 'ds', bridge: 'bn2', address: '10.2.0.5/24' });
  });
  afterAll(async () => {
    await lab?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  beforeEach(async () => {
    agent = await createServiceAgent(lab, folder);
    ({ state, config } = agent);
    await app.setAddress('10.2.0.5/24');
  });
  afterEach(async () => {
    await endAgent('SIGKILL');
    await datastore?.kill();
    await fullSpeed();
  });

  it('brings every content tree to VERIFIED, one file for several names, and ends with 0', async () => {
    await serve();
    await configure([
      treeOf(1, 'large.img', large),
      treeOf(2, 'small.img', small),
      treeOf(3, 'large.img', large),
    ]);
    await startAgent();
    for (const number of [1, 2, 3])
      await expectState(number, { State: 'VERIFIED', Progress: 100, Error: '' });
    await expectState(3, {
      RefCount: 2,
      FileLocation: join(state, 'images', 'image-3'),
      CurrentSize: large.length,
    });
    expect((await imageOf(1)).equals(large)).toBe(true);
    expect((await imageOf(2)).equals(small)).toBe(true);
    const [first, third] = [
      await stat(join(state, 'images', 'image-1')),
      await stat(join(state, 'images', 'image-3')),
    ];
    expect(first.ino).toBe(third.ino);
    expect(await readdir(join(state, 'verified'))).toEqual([sha256Of(large), sha256Of(small)].sort());
    expect(
      lines('verified')
        .map(({ receivedBytes }) => receivedBytes)
        .sort(),
    ).toEqual([large.length, small.length].sort());
    expect(await endAgent('SIGTERM')).toBe(0);
  });

  it('goes on after kill -9, and fetches nothing twice', async () => {
    await serve();
    await configure([treeOf(1, 'small.img', small)]);
    await startAgent();
    await expectState(1, { State: 'VERIFIED' });
    await slowDown();
    await configure([treeOf(1, 'small.img', small), treeOf(2, 'large.img', large)]);
    await expect.poll(partialBytes).toBeGreaterThan(4 * 1024 * 1024);
    await endAgent('SIGKILL');
    const storedBytes = await partialBytes();
    await fullSpeed();
    await startAgent();
    await expectState(2, { State: 'VERIFIED' });
    await expectState(1, { State: 'VERIFIED' });
    expect(lines('verified')).toMatchObject([
      { resumedFromBytes: storedBytes, receivedBytes: large.length - storedBytes },
    ]);
    expect((await imageOf(2)).equals(large)).toBe(true);
    expect(await readdir(join(state, 'pending'))).toEqual([]);
  });

  it('waits for a datastore that is not there, and is woken by its announcement', async () => {
    await configure([treeOf(1, 'small.img', small)]);
    // As if it had failed very often: without the announcement nothing would happen for more than half an hour.
    const origins = { 'http://ds.local': { failures: 11, retryCount: 11, failure: null } };
    await writeFile(join(state, 'retries.json'), JSON.stringify({ version: 1, contents: {}, origins }));
    await startAgent('--retry-interval', '3600', '--timeout', '5');
    await expectState(1, {
      State: 'INITIAL',
      RetryCount: 12,
      ErrorCode: 'DATASTORE_NOT_FOUND',
      ErrorSeverity: 'SEVERITY_NOTICE',
    });
    await serve();
    await expectState(1, { State: 'VERIFIED', Error: '' });
    expect(lines('the datastore has shown up: its downloads go on').length).toBeGreaterThan(0);
  });

  it('follows a changed configuration, keeps what a bad entry or document leaves unsaid, and drops what nobody wants any more', async () => {
    await serve();
    await configure([
      treeOf(1, 'small.img', small),
      treeOf(2, 'none.img', small, { sha256: 'ab'.repeat(32) }),
    ]);
    await startAgent('--grace', '0');
    await expectState(1, { State: 'VERIFIED' });
    await expectState(2, { State: 'INITIAL', ErrorCode: 'HTTP_STATUS', ErrorSeverity: 'SEVERITY_ERROR' });

    await configure([{ ...treeOf(1, 'small.img', small), sha256: 'short' }, { displayName: 'nameless' }]);
    await expectState(1, {
      State: 'VERIFIED',
      ErrorCode: 'CONFIGURATION_INVALID',
      Error: expect.stringContaining('what was configured before stays'),
    });
    const agentStatus = async () => {
      const { stdout } = await runAgent(lab.host, ['status', '--state', state, '--json']);
      return readAgentJson(['status'], stdout) as { configuration: object; contentTrees: object[] };
    };
    expect(await agentStatus()).toMatchObject({
      configuration: { state: 'applied' },
      contentTrees: [{ ContentID: uuidOf(1) }, { ContentID: 'contentInfo[1]', DisplayName: 'nameless' }],
    });
    expect((await imageOf(1)).equals(small)).toBe(true);

    await writeFile(config, '{"message":"Unauthorized"}');
    await expect
      .poll(async () => (await agentStatus()).configuration)
      .toMatchObject({
        state: 'refused',
        problems: [{ message: expect.stringContaining('"message"') }],
      });
    expect((await imageOf(1)).equals(small)).toBe(true);

    // No size is known, as protobuf leaves out what is 0.
    await configure([treeOf(2, 'large.img', large, { maxSizeBytes: undefined })]);
    await expectState(2, { State: 'VERIFIED' });
    await expect.poll(() => readdir(join(state, 'verified'))).toEqual([sha256Of(large)]);
    await expect.poll(() => readdir(join(state, 'images'))).toEqual(['image-2']);
    expect(await statusOf(1)).toEqual({});
  });

  it('takes the next datastore where one fails', async () => {
    await serve();
    await configure(
      [treeOf(1, 'small.img', small, { dsIdsList: [OTHER, LOCAL] })],
      [
        { id: OTHER, dType: 'DsHttp', fqdn: 'http://missing.local' },
        { id: LOCAL, dType: 'DsHttp', fqdn: 'http://ds.local', dpath: 'images' },
      ],
    );
    await startAgent('--timeout', '1');
    await expectState(1, { State: 'VERIFIED', DatastoreID: LOCAL });
  });

  it('pauses, keeps what has arrived over a restart, and resumes', async () => {
    await serve();
    await slowDown();
    await configure([treeOf(1, 'large.img', large)]);
    await startAgent();
    await expect.poll(partialBytes).toBeGreaterThan(4 * 1024 * 1024);
    const command = (name: string) => runAgent(lab.host, [name, uuidOf(1), '--state', state]);
    expect((await command('pause')).exitCode).toBe(0);
    await expectState(1, { State: 'INITIAL', Hold: 'paused' });
    const storedBytes = await partialBytes();
    expect(await endAgent('SIGTERM')).toBe(0);
    await fullSpeed();
    await startAgent();
    await expectState(1, { State: 'INITIAL', Hold: 'paused', CurrentSize: storedBytes });
    expect((await command('resume')).exitCode).toBe(0);
    await expectState(1, { State: 'VERIFIED', Hold: 'none' });
    expect(lines('verified')).toMatchObject([{ receivedBytes: large.length - storedBytes }]);
    const refused = await command('cancel');
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toContain('verified already');
  });

  it('passes over the one of two responders under a name that serves wrong bytes, and says which it was', async () => {
    const wrong = join(folder, 'wrong-root');
    await mkdir(join(wrong, 'images'), { recursive: true });
    await writeFile(join(wrong, 'images', 'small.img'), makeImage(small.length, 'wrong'));
    const liar = await lab.addApp({ name: 'liar', bridge: 'bn1', address: '10.1.0.66/24' });
    const args = ['--root', wrong, '--state', join(folder, 'liar-state'), '--host-name', 'ds'];
    const lying = await startDatastore(liar, args);
    await configure([treeOf(1, 'small.img', small)]);
    await startAgent();
    await expectState(1, { State: 'INITIAL', ErrorCode: 'DIGEST_MISMATCH' });
    await serve();
    await expectState(1, { State: 'VERIFIED', Error: '' });
    const accused = lines('this address served wrong bytes: they are thrown away');
    expect(new Set(accused.map(({ address }) => address))).toEqual(new Set(['10.1.0.66']));
    await lying.kill();
  });

  it('lets no second agent into its state directory', async () => {
    await configure([]);
    await startAgent();
    const second = await runAgent(lab.host, ['run', '--state', state]);
    expect(second.exitCode).toBe(2);
    expect(second.stderr).toContain('another agent runs with the state directory');
  });
});
