// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { isEngineStatus } from '@local-datastore/shared/engine/engine-client';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ContainerEngine, ContainerView, LogLine } from './container-engine.ts';
import type { ContainerSpec } from './container-spec.ts';

/** What a container of the suite does. */
export interface WantedProgram {
  /** It ends at once; else it runs until it is stopped. */
  readonly exitCode?: number;
  readonly out?: readonly string[];
  readonly err?: readonly string[];
}

/** An engine under test, with one image. */
export interface EngineUnderTest {
  readonly engine: ContainerEngine;
  readonly image: { readonly id: string; readonly repository: string; readonly tag: string };
  /** A container of the image that does this. */
  specOf(program: WantedProgram): ContainerSpec;
  /** A command that ends with 0 or 1 in a container that runs, and the program that makes it so; none of machines. */
  readonly checks: readonly {
    readonly spec: ContainerSpec;
    readonly command: readonly string[];
    readonly exitCode: number;
  }[];
}

/**
 * What the switch expects of every engine.
 *
 * @param of `machines`: it runs no programs, publishes no ports, and has no networks of its own
 */
export function describeContainerEngineContract(
  name: string,
  create: () => Promise<EngineUnderTest>,
  of: 'containers' | 'machines' = 'containers',
): void {
  /** What makes no sense for a machine, which runs a system of its own. */
  const itWithPrograms: (title: string, test: () => Promise<void>) => void =
    of === 'containers' ? it : () => {};
  describe(`the container engine ${name}`, () => {
    const { signal } = new AbortController();
    let under: EngineUnderTest;
    let engine: ContainerEngine;
    const made: string[] = [];
    beforeAll(async () => {
      under = await create();
      ({ engine } = under);
    });
    afterEach(async () => {
      for (const id of made.splice(0)) await engine.remove(id, true, signal);
    });

    const newName = () => `t_${randomUUID().slice(0, 8)}`;
    async function make(spec: ContainerSpec, containerName = newName()): Promise<string> {
      const id = await engine.create(containerName, spec, signal);
      made.push(id);
      return id;
    }
    async function look(container: string): Promise<ContainerView> {
      const view = await engine.inspect(container, signal);
      if (view === null) throw new Error(`${container} is gone`);
      return view;
    }
    async function readLines(id: string, tail?: number): Promise<LogLine[]> {
      const lines: LogLine[] = [];
      const wanted = tail === undefined ? { isFollowed: true } : { tail };
      for await (const line of engine.readLogs(id, wanted, signal)) lines.push(line);
      return lines;
    }
    const untilState = (id: string, state: ContainerView['state']) =>
      expect.poll(async () => (await look(id)).state, { interval: 20 }).toBe(state);
    const running = () => under.specOf({});
    const refusal = (call: Promise<unknown>) => call.then(() => undefined).catch((error: unknown) => error);

    it('makes, starts, stops, starts again and removes a container', async () => {
      const containerName = newName();
      const id = await make(running(), containerName);
      expect(await look(id)).toMatchObject({
        id,
        name: containerName,
        state: 'created',
        imageId: under.image.id,
      });
      await engine.start(id, signal);
      const first = await look(containerName);
      expect(first).toMatchObject({ id, state: 'running', image: running().Image });
      await engine.start(id, signal);
      expect((await look(id)).startedAt).toBe(first.startedAt);
      await engine.stop(id, signal);
      await engine.stop(id, signal);
      expect((await look(id)).state).toBe('exited');
      await engine.start(id, signal);
      const second = await look(id);
      expect(second.state).toBe('running');
      expect(second.startedAt).not.toBe(first.startedAt);
      await engine.restart(id, signal);
      expect((await look(id)).startedAt).not.toBe(second.startedAt);
      await engine.remove(id, true, signal);
      expect(await engine.inspect(id, signal)).toBeNull();
      await engine.remove(id, true, signal);
    });

    it('refuses a name that is taken, and an image that is not there', async () => {
      const containerName = newName();
      const id = await make(running(), containerName);
      expect(isEngineStatus(await refusal(make(running(), containerName)), 409)).toBe(true);
      const other = await make(running());
      expect(isEngineStatus(await refusal(engine.rename(other, containerName, signal)), 409)).toBe(true);
      const missing = { ...running(), Image: 'none.invalid/none:1' };
      expect(isEngineStatus(await refusal(make(missing)), 404)).toBe(true);
      expect(isEngineStatus(await refusal(engine.start(`${id}0`, signal)), 404)).toBe(true);
    });

    it('gives a container another name, also while it runs', async () => {
      const [before, after] = [newName(), newName()];
      const id = await make(running(), before);
      await engine.start(id, signal);
      await engine.rename(id, after, signal);
      expect((await look(after)).id).toBe(id);
      expect(await engine.inspect(before, signal)).toBeNull();
      expect((await look(id)).state).toBe('running');
    });

    itWithPrograms('tells how it ended, and what it wrote by which stream', async () => {
      const id = await make(under.specOf({ exitCode: 3, out: ['one', 'two'], err: ['cannot find config'] }));
      await engine.start(id, signal);
      await untilState(id, 'exited');
      expect((await look(id)).exitCode).toBe(3);
      const lines = await readLines(id);
      const of = (stream: LogLine['stream']) =>
        lines.filter((line) => line.stream === stream).map(({ text }) => text);
      expect([of('stdout'), of('stderr')]).toEqual([['one', 'two'], ['cannot find config']]);
      expect(await readLines(id, 1)).toHaveLength(1);
    });

    itWithPrograms('a terminal is one stream, without the ends of its lines', async () => {
      const id = await make({ ...under.specOf({ exitCode: 0, out: ['one'], err: ['two'] }), Tty: true });
      await engine.start(id, signal);
      await untilState(id, 'exited');
      expect((await look(id)).hasTerminal).toBe(true);
      expect((await readLines(id)).map(({ stream, text }) => [stream, text])).toEqual([
        ['stdout', 'one'],
        ['stdout', 'two'],
      ]);
    });

    it('changes the restart policy', async () => {
      const id = await make({
        ...running(),
        HostConfig: { ...running().HostConfig, RestartPolicy: { Name: 'no' } },
      });
      expect((await look(id)).restartPolicy.Name).toBe('no');
      await engine.setRestartPolicy(id, { Name: 'on-failure', MaximumRetryCount: 4 }, signal);
      expect((await look(id)).restartPolicy).toEqual({ Name: 'on-failure', MaximumRetryCount: 4 });
      await engine.setRestartPolicy(id, { Name: 'unless-stopped' }, signal);
      expect((await look(id)).restartPolicy.Name).toBe('unless-stopped');
    });

    itWithPrograms('runs commands in it', async () => {
      for (const { spec, command, exitCode } of under.checks) {
        const id = await make(spec);
        await engine.start(id, signal);
        expect((await engine.exec(id, command, signal)).exitCode).toBe(exitCode);
        await engine.stop(id, signal);
        await expect(engine.exec(id, command, signal)).rejects.toThrow();
      }
      expect(under.checks.map(({ exitCode }) => exitCode).sort()).toEqual([0, 1]);
    });

    it('finds containers by label', async () => {
      const label = `test.${randomUUID()}`;
      const a = await make({ ...running(), Labels: { [label]: 'a' } });
      const b = await make({ ...running(), Labels: { [label]: 'b' } });
      expect([...(await engine.list(label, signal))].sort()).toEqual([a, b].sort());
      expect(await engine.list(`${label}=b`, signal)).toEqual([b]);
      expect(await engine.list(`${label}=c`, signal)).toEqual([]);
      expect((await look(a)).labels[label]).toBe('a');
    });

    itWithPrograms('one port has one container', async () => {
      const bindings = { '80/tcp': [{ HostIp: '', HostPort: '18099' }] };
      const published = { ...running(), HostConfig: { ...running().HostConfig, PortBindings: bindings } };
      const [first, second] = [await make(published), await make(published)];
      await engine.start(first, signal);
      expect((await look(first)).portBindings).toEqual(bindings);
      const there = [{ protocol: 'tcp', hostAddress: '', hostPort: 18099, port: 80 }];
      expect((await look(first)).publishedPorts).toEqual(there);
      expect((await look(first)).networks[0]?.ipv4).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
      await expect(engine.start(second, signal)).rejects.toThrow('port is already allocated');
      expect(await look(second)).toMatchObject({
        state: expect.not.stringContaining('running'),
        publishedPorts: [],
      });
      await engine.stop(first, signal);
      expect((await look(first)).publishedPorts).toEqual([]);
      await engine.start(second, signal);
      expect((await look(second)).state).toBe('running');
    });

    it('says what would make another one like it', async () => {
      const wanted: ContainerSpec = {
        ...running(),
        Labels: { 'test.a': 'b' },
        StopTimeout: 7,
        HostConfig: {
          ...running().HostConfig,
          ...(of === 'containers' && { PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '18098' }] } }),
          RestartPolicy: { Name: 'always' },
        },
      };
      const first = await make(wanted);
      await engine.start(first, signal);
      const spec = await engine.readSpec(first, signal);
      await engine.stop(first, signal);
      const second = await make(spec);
      await engine.start(second, signal);
      const { labels, stopTimeoutSeconds, restartPolicy, portBindings, image, networkMode } =
        await look(first);
      expect(await look(second)).toMatchObject({
        ...{ labels, stopTimeoutSeconds, restartPolicy, portBindings, image, networkMode },
        state: 'running',
      });
      expect({ stopTimeoutSeconds, restart: restartPolicy.Name }).toEqual({
        stopTimeoutSeconds: 7,
        restart: 'always',
      });
    });

    itWithPrograms('shows the network of a container, and its bridge', async () => {
      const id = await make(running());
      await engine.start(id, signal);
      const [network] = (await look(id)).networks;
      expect(network).toBeDefined();
      expect(await engine.inspectNetwork(network?.name ?? '', signal)).toEqual({
        driver: 'bridge',
        bridge: 'docker0',
      });
      expect(await engine.inspectNetwork('none-of-this-name', signal)).toBeNull();
    });

    it('has tags of images, each of its own', async () => {
      const { id, repository, tag } = under.image;
      const another = `${repository}-other`;
      expect(await engine.inspectImage(`${repository}:${tag}`, signal)).toMatchObject({ id });
      expect(await engine.inspectImage(`${repository}:none`, signal)).toBeNull();
      await engine.tagImage(id, another, 'latest', signal);
      expect((await engine.listImages(another, signal)).map((image) => image.id)).toEqual([id]);
      expect((await engine.inspectImage(id, signal))?.tags).toContain(`${another}:latest`);
      await engine.untagImage(`${another}:latest`, signal);
      await engine.untagImage(`${another}:latest`, signal);
      expect(await engine.listImages(another, signal)).toEqual([]);
      expect(await engine.inspectImage(`${repository}:${tag}`, signal)).toMatchObject({ id });
    });

    it('answers, and is waited for until it does not', async () => {
      await engine.ping(signal);
      expect(await engine.hasInit(signal)).toBe(of === 'containers');
      const ending = new AbortController();
      const away = engine.untilAway(ending.signal);
      ending.abort(new Error('enough'));
      await expect(away).rejects.toThrow('enough');
    });
  });
}
