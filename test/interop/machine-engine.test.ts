// SPDX-License-Identifier: Apache-2.0
/** What the switch expects of a container engine holds for virtual machines of the host's qemu. */
import { hash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { describeContainerEngineContract } from '../../eve-agent/src/launch/engine/container-engine-contract.ts';
import { findQemu } from '../../eve-agent/src/launch/machines/find-qemu.ts';
import { openMachineEngine } from '../../eve-agent/src/launch/machines/open-machine-engine.ts';
import { silentLog } from '../../shared/src/log.ts';
import { systemClock } from '../../shared/src/system-clock.ts';
import { describeWith } from '../requirements.ts';

const MIB = 1024 * 1024;

describeWith(['root', 'qemu', 'setpriv'], "the host's qemu", () => {
  const ending = new AbortController();
  let folder: string;
  let supervised: Promise<void> | undefined;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'machine-engine-'));
  });
  afterAll(async () => {
    ending.abort(new Error('the tests end'));
    await supervised;
    await rm(folder, { recursive: true, force: true });
  });

  const create = async () => {
    const engine = await openMachineEngine({
      ...{ folder: join(folder, 'engine'), log: silentLog, clock: systemClock, wallMs: Date.now, findQemu },
      bootId: (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim(),
      firstUser: 2_100_000_000,
      portRule: null,
    });
    supervised = engine.supervise(ending.signal);
    // A disk that nothing starts from: the machine runs its firmware.
    const path = join(folder, 'blank.raw');
    const content = Buffer.alloc(MIB);
    await writeFile(path, content);
    const image = { repository: 'blank', tag: 'v1' };
    const added = await engine.addImage(
      { tag: 'blank:v1', path, format: 'raw', sha256: hash('sha256', content) },
      ending.signal,
    );
    const spec = { Image: 'blank:v1', StopTimeout: 0, HostConfig: { Memory: 64 * MIB, NetworkMode: 'none' } };
    return { engine, image: { ...image, id: added.id }, specOf: () => spec, checks: [] };
  };
  describeContainerEngineContract('of machines', create, 'machines');
});
