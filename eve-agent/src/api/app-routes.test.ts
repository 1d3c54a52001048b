// SPDX-License-Identifier: Apache-2.0
/** What is asked of applications over the API: logs, and the console of a VM, over a real socket. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { silentLog } from '@local-datastore/shared/log';
import { systemClock } from '@local-datastore/shared/system-clock';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { appOf, createAppsScene, programOf, uuid } from '../launch/apps/testing/apps-scene.ts';
import { createAppRoutes } from './app-routes.ts';
import { createAgentClient } from './client.ts';
import { openConsole } from './console-client.ts';
import { listen } from './listen.ts';
import { askForLines } from './operation-client.ts';
import { createRouter } from './router.ts';

const NO_TLS = { certificate: undefined, key: undefined, clientCa: undefined };
const { signal } = new AbortController();
const [CONTAINER, VM, HALTED, UNKNOWN] = [uuid(1), uuid(2), uuid(3), uuid(9)];

let folder: string;
let path: string;
let scene: ReturnType<typeof createAppsScene>;
let close: () => Promise<void>;
const place = () => ({ kind: 'unix', path }) as const;
const client = () => createAgentClient(place());

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'app-routes-'));
  path = join(folder, 'agent.sock');
  scene = createAppsScene();
  scene.start();
  const routes = createAppRoutes({ apps: scene.apps, access: scene.access, log: silentLog });
  const deps = { clock: systemClock, wallMs: Date.now, log: silentLog };
  close = await listen({ kind: 'unix', path }, createRouter(routes, silentLog), NO_TLS, deps);
  const program = { out: ['one', 'two', 'three'] };
  const apps = [
    appOf(1, programOf('container', program)),
    appOf(2, programOf('vm', program)),
    appOf(3, { activate: false }),
  ];
  scene.configure((n) => (n === 1 ? 'container' : 'vm'), apps);
  scene.verified(1, 'one');
  scene.verified(2, 'two');
  await expect.poll(() => [1, 2].map((n) => scene.state(n)?.State)).toEqual(['RUNNING', 'RUNNING']);
});
afterEach(async () => {
  await close();
  await scene.end();
  await rm(folder, { recursive: true });
});

describe('the log', () => {
  async function linesOf(id: string, query = ''): Promise<unknown[]> {
    const lines: unknown[] = [];
    const wanted = { method: 'GET' as const, path: `/v1/apps/${id}/logs${query}` };
    for await (const line of askForLines(place(), wanted, signal))
      lines.push((line as { text: string }).text);
    return lines;
  }

  it.each([
    ['a container', CONTAINER],
    ['a VM', VM],
    ['an app in capitals', VM.toUpperCase()],
  ])('of %s', async (_what, id) => {
    expect(await linesOf(id)).toEqual(['one', 'two', 'three']);
    expect(await linesOf(id, '?tail=1')).toEqual(['three']);
  });

  it('of one that was halted is there all the same', async () => {
    scene.configure(() => 'vm', [appOf(2, { ...programOf('vm', { out: ['one'] }), activate: false })]);
    await expect.poll(() => scene.state(2)?.State).toBe('HALTED');
    expect(await linesOf(VM)).toEqual(['one', 'two', 'three']);
  });

  it.each([
    ['no such app', UNKNOWN, '', 404, /no app of this uuid/],
    ['one that was never started', HALTED, '', 409, /never started/],
    ['a count that is none', VM, '?tail=x', 400, /no number of lines/],
  ])('of %s is refused', async (_what, id, query, statusCode, why) => {
    const asked = client().ask('GET', `/v1/apps/${id}/logs${query}`, signal);
    await expect(asked).rejects.toMatchObject({
      message: expect.stringMatching(why),
      details: { statusCode },
    });
  });

  it('of an engine that is away is refused, and no other one', async () => {
    scene.engines.vm.isAway = true;
    const asked = client().ask('GET', `/v1/apps/${VM}/logs`, signal);
    await expect(asked).rejects.toMatchObject({ details: { statusCode: 503 } });
    expect(await linesOf(CONTAINER, '?tail=1')).toEqual(['three']);
  });
});

describe('the console', () => {
  it('carries bytes both ways, and ends with the VM', async () => {
    const opened = await openConsole(place(), VM, signal);
    opened.input.write(Buffer.from('ls\r\x03'));
    await expect.poll(() => scene.typed.join('')).toBe('ls\r\x03');
    const [console] = scene.consoles;
    console?.push(Buffer.from([0x1b, 0x5b, 0x32, 0x4a, 0, 0xff]));
    console?.push(null);
    const shown = (await opened.output.toArray()) as Buffer[];
    expect(Buffer.concat(shown).toString('hex')).toBe('1b5b324a00ff');
    opened.close();
    await expect.poll(() => scene.consoles.length).toBe(0);
  });

  it('shows what comes after all was typed', async () => {
    const opened = await openConsole(place(), VM, signal);
    opened.input.end('reboot\n');
    await expect.poll(() => scene.typed.join('')).toBe('reboot\n');
    scene.consoles[0]?.push('going down');
    scene.consoles[0]?.push(null);
    expect(await text(opened.output)).toBe('going down');
  });

  it('says its last words also to one who is typing', async () => {
    for (let i = 0; i < 20; i += 1) {
      const opened = await openConsole(place(), VM, signal);
      const shown = text(opened.output);
      opened.input.write('is anybody there?');
      scene.consoles[0]?.push('bye');
      scene.consoles[0]?.push(null);
      opened.input.write('hello?');
      expect(await shown).toBe('bye');
      opened.close();
      await expect.poll(() => scene.consoles.length, { interval: 1 }).toBe(0);
    }
  });

  it('is left by one without the others', async () => {
    const [one, two] = [await openConsole(place(), VM, signal), await openConsole(place(), VM, signal)];
    one.output.on('error', () => {});
    one.close();
    await expect.poll(() => scene.consoles.length).toBe(1);
    scene.consoles[0]?.push('still here');
    scene.consoles[0]?.push(null);
    expect(await text(two.output)).toBe('still here');
  });

  it('breaks off with the agent', async () => {
    const opened = await openConsole(place(), VM, signal);
    const shown = text(opened.output);
    await Promise.all([close(), expect(shown).rejects.toThrow()]);
    expect(scene.consoles).toEqual([]);
    close = async () => {};
  });

  it.each([
    ['no such app', UNKNOWN, 404, /no app of this uuid/],
    ['a container', CONTAINER, 409, /has no console: "eve-agent app logs"/],
    ['one that was never started', HALTED, 409, /never started/],
  ])('of %s is refused', async (_what, id, statusCode, why) => {
    await expect(openConsole(place(), id, signal)).rejects.toMatchObject({
      code: 'AGENT_REFUSED',
      message: expect.stringMatching(why),
      details: { statusCode },
    });
  });

  it('of a VM that does not run is refused', async () => {
    scene.configure(() => 'vm', [appOf(2, { ...programOf('vm', {}), activate: false })]);
    await expect.poll(() => scene.state(2)?.State).toBe('HALTED');
    await expect(openConsole(place(), VM, signal)).rejects.toThrow(/The VM does not run/);
  });

  it('of more than a few is refused', async () => {
    const opened = await Promise.all(Array.from({ length: 16 }, () => openConsole(place(), VM, signal)));
    await expect(openConsole(place(), VM, signal)).rejects.toThrow(/16 consoles/);
    for (const { output, close: leave } of opened) {
      output.on('error', () => {});
      leave();
    }
    await expect.poll(() => scene.consoles.length).toBe(0);
    const again = await openConsole(place(), VM, signal);
    again.output.on('error', () => {});
    again.close();
  });
});

it('without apps says so', async () => {
  await close();
  const routes = createAppRoutes({ apps: null, access: null, log: silentLog });
  const deps = { clock: systemClock, wallMs: Date.now, log: silentLog };
  close = await listen({ kind: 'unix', path }, createRouter(routes, silentLog), NO_TLS, deps);
  await expect(openConsole(place(), VM, signal)).rejects.toThrow(/--apps/);
  await expect(client().ask('GET', `/v1/apps/${VM}/logs`, signal)).rejects.toThrow(/--apps/);
});
