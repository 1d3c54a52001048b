// SPDX-License-Identifier: Apache-2.0
/** What the switch expects of a container engine holds for Docker's. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeContainerEngineContract } from '../../eve-agent/src/launch/engine/container-engine-contract.ts';
import { openContainerEngine } from '../../eve-agent/src/launch/engine/open-container-engine.ts';
import { createEngineClient } from '../../shared/src/engine/engine-client.ts';
import { ENGINE_KINDS, type EngineKind } from '../lab/engine-kinds.ts';
import { createSwitchHost, type SwitchHost } from '../lab/switch/switch-host.ts';
import { describeWith } from '../requirements.ts';

const IMAGE = { repository: 'stored', tag: 'v1' };

function holdsTheContract(kind: EngineKind): void {
  const { signal } = new AbortController();
  let host: SwitchHost;
  beforeAll(async () => {
    host = await createSwitchHost(kind);
    await host.buildImage(IMAGE.tag);
  });
  afterAll(() => host?.stop());
  const open = () => openContainerEngine(createEngineClient({ kind: 'unix', path: host.socket }));

  const shell = (script: string) => ({
    Image: `${IMAGE.repository}:${IMAGE.tag}`,
    Cmd: ['/bin/sh', '-c', script],
    ExposedPorts: { '80/tcp': {} },
    StopSignal: 'SIGTERM',
    HostConfig: { Init: true },
  });
  const run = 'exec /bin/sleep 1000';
  const say = (lines: readonly string[] = [], to = '') =>
    lines.map((line) => `echo '${line}' ${to}; `).join('');

  describeContainerEngineContract("of Docker's", async () => ({
    engine: open(),
    image: { ...IMAGE, id: host.version(IMAGE.tag).image.id },
    specOf: ({ exitCode, out, err }) =>
      shell(say(out) + say(err, '>&2') + (exitCode === undefined ? run : `exit ${exitCode}`)),
    checks: [
      { spec: shell(run), command: ['/bin/sh', '-c', 'test -e /nginx.conf'], exitCode: 0 },
      { spec: shell(run), command: ['/bin/sh', '-c', 'test -e /none'], exitCode: 1 },
    ],
  }));

  it('sees when it goes away, and is spoken to when it is back', async () => {
    const engine = open();
    const away = engine.untilAway(signal);
    await host.restartEngine();
    await away;
    await engine.ping(signal);
  });

  it('says what a command wrote, and how it was', async () => {
    const engine = open();
    const id = await engine.create('exec_output', shell(run), signal);
    await engine.start(id, signal);
    const command = ['/bin/sh', '-c', 'echo not well; echo at all >&2; exit 4'];
    const { exitCode, output } = await engine.exec(id, command, signal);
    expect([exitCode, output.split('\n').sort()]).toEqual([4, ['at all', 'not well']]);
    await engine.remove(id, true, signal);
  });
}

for (const kind of ENGINE_KINDS) {
  describeWith(
    ['lab', 'root', 'dockerd', kind.requirement, 'iptables', 'nginx'],
    `the engine of ${kind.title}`,
    () => holdsTheContract(kind),
  );
}
