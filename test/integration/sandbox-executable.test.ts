// SPDX-License-Identifier: Apache-2.0
/** Calves of the agent as one executable file: the same file in another role. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CALF_USERS } from '@local-datastore/shared/confinement/launcher/calf';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isArchitecture } from '../../compose/packaging/architectures.ts';
import { buildExecutables } from '../../compose/packaging/build-executable.ts';
import { describeWith } from '../requirements.ts';
import { startTestCalf, TEST_CALF } from './test-calf.ts';

describeWith(['root'], 'an executable', () => {
  const { arch } = process;
  let folder: string;
  let program: string;
  beforeAll(async () => {
    if (!isArchitecture(arch)) throw new Error(`nothing is packaged for ${arch}`);
    folder = await mkdtemp(join(tmpdir(), 'sandbox-executable-'));
    const built = await buildExecutables([arch], folder, { 'calf-test.js': TEST_CALF });
    program = built.get(arch)?.file ?? '';
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('starts a calf under all layers, with all that it needs in it', async () => {
    // A name that an option of Node has to be quoted for.
    const shown = join(folder, 'a "folder"');
    await mkdir(shown);
    const calf = await startTestCalf(
      { kind: 'asset', name: 'calf-test.js' },
      { args: ['--inspect', 'a'], visible: [{ path: shown, isWritable: false }] },
      { launcher: [program, 'calf-launcher'] },
    );
    expect(calf.layers()).toMatchObject({
      ...{ uid: CALF_USERS.test, capEff: 0n, capBnd: 0n, noNewPrivs: true, seccomp: 2 },
      ownNamespaces: { net: true, mnt: true, ipc: true, uts: true },
    });
    expect((await calf.tell('arguments')).result).toEqual(['--inspect', 'a']);
    for (const [deed, argument, refused] of [
      ['read a file', '/etc/passwd', 'ERR_ACCESS_DENIED'],
      ['read a file', join(shown, 'none'), 'ENOENT'],
      ['execute', program, 'ERR_ACCESS_DENIED'],
      ['become another program', program, 'ERR_ACCESS_DENIED'],
      ['connect', '80', 'EPERM'],
      ['kill', '1', 'EPERM'],
      ['inspector', '', 'ERR_ACCESS_DENIED'],
    ] as const) {
      expect(await calf.tell(deed, argument)).toEqual({ deed, refused });
    }
    expect((await calf.tell('hash', 'text')).result).toMatch(/^[0-9a-f]{64}$/);
    calf.send({ id: 'hello' });
    expect((await calf.tell('hear a message', 'hello')).result).toEqual({ id: 'hello' });
    calf.kill();
    await calf.ended;
  });

  it('says of a calf that there is not what is missing', async () => {
    const started = startTestCalf(
      { kind: 'asset', name: 'calf-none.js' },
      {},
      { launcher: [program, 'calf-launcher'] },
    );
    await expect(started).rejects.toThrow('calf-none.js');
  });
});
