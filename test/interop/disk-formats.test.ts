// SPDX-License-Identifier: Apache-2.0
/** Disks as QEMU makes them: what the datastore says of each, beside what qemu-img says of it itself. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, open, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { detectFileFormat } from '../../datastore-app/src/images/catalogue-entry.ts';
import { ownParser } from '../../datastore-app/src/parsing/run-task.ts';
import { describeWith } from '../requirements.ts';

const SIZE = 64 * 1024 * 1024;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'disk-formats-'));
  await qemuImg('create', '-f', 'raw', 'base.raw', String(SIZE));
  const base = await open(join(folder, 'base.raw'), 'r+');
  for (let i = 0; i < 64; i += 1) await base.write(Buffer.alloc(4096, i + 1), 0, 4096, i * 1024 * 1024);
  await base.close();
  await qemuImg('convert', '-O', 'qcow2', 'base.raw', 'base.qcow2');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** QEMU before 9.2 gives up where the thread got no time that getrusage(2) shows, as on a busy core: it is asked again. */
const QEMU_TIMING_BUG = 'Unable to get accurate CPU usage';
const MAX_ATTEMPTS = 20;

async function qemuImg(...args: string[]): Promise<string> {
  const run = () => spawnSync('qemu-img', args, { cwd: folder, encoding: 'utf8' });
  let { status, stdout, stderr } = run();
  for (let i = 1; i < MAX_ATTEMPTS && stderr.includes(QEMU_TIMING_BUG); i += 1) {
    ({ status, stdout, stderr } = run());
  }
  if (status !== 0) throw new Error(`qemu-img ${args.join(' ')}: ${stderr}`);
  return stdout;
}

async function summaryOf(name: string) {
  const file = join(folder, name);
  const { format, content, virtualSizeBytes, problems } = await detectFileFormat(
    ownParser,
    file,
    (await stat(file)).size,
  );
  return { format, content, virtualSizeBytes, problems: problems.map(({ code }) => code) };
}

const sound = (format: string) => ({ format, content: format, virtualSizeBytes: SIZE, problems: [] });

describeWith(['qemu-img'], 'a disk that qemu-img made', () => {
  it.each([
    ['raw', []],
    ['qcow2', []],
    ['qcow2', ['-o', 'compat=0.10']],
    ['qcow2', ['-c']],
    ['qcow2', ['-o', 'compression_type=zstd', '-c']],
    ['qcow2', ['-o', 'cluster_size=512']],
    ['qcow2', ['-o', 'cluster_size=2M']],
    ['qcow2', ['-o', 'extended_l2=on,cluster_size=128k']],
    ['qcow2', ['-o', 'preallocation=metadata']],
    ['qcow', []],
    ['vmdk', []],
    ['vmdk', ['-o', 'subformat=streamOptimized']],
    ['vdi', []],
    ['qed', []],
    ['parallels', []],
    ['vpc', ['-o', 'subformat=dynamic,force_size=on']],
    ['vpc', ['-o', 'subformat=fixed,force_size=on']],
    ['vhdx', []],
    ['vhdx', ['-o', 'subformat=fixed']],
    ['luks', ['--object', 'secret,id=key,data=secret', '-o', 'key-secret=key']],
  ])('%s %j', async (format, args) => {
    // LUKS is created, for qemu-img convert hashes its key for seconds.
    if (format === 'luks') await qemuImg('create', '-q', '-f', format, ...args, 'luks', '1M');
    else await qemuImg('convert', '-O', format, ...args, 'base.raw', format);
    const summary = await summaryOf(format);
    const expected = {
      vpc: sound('vhd'),
      vdi: { ...sound('raw'), content: 'vdi', problems: ['NOT_AN_IMAGE'] },
      qed: { ...sound('raw'), content: 'qed', problems: ['NOT_AN_IMAGE'] },
      parallels: { format: 'raw', content: 'parallels', virtualSizeBytes: null, problems: ['NOT_AN_IMAGE'] },
      luks: { format: 'raw', content: 'luks1', virtualSizeBytes: null, problems: ['ENCRYPTED'] },
    }[format];
    expect(summary).toEqual(expected ?? sound(format));
    if (summary.virtualSizeBytes !== null) {
      const info = JSON.parse(await qemuImg('info', '--output=json', '-f', format, format));
      expect(info['virtual-size']).toBe(summary.virtualSizeBytes);
    }
    await rm(join(folder, format));
  });

  it.each([
    [
      'a qcow2 with a backing file',
      ['-f', 'qcow2', '-b', 'base.qcow2', '-F', 'qcow2', 'a'],
      'a',
      'qcow2',
      'NEEDS_OTHER_FILE',
    ],
    [
      'a qcow with one',
      ['-f', 'qcow', '-b', 'base.qcow2', '-F', 'qcow2', 'b'],
      'b',
      'qcow',
      'NEEDS_OTHER_FILE',
    ],
    [
      'external data',
      ['-f', 'qcow2', '-o', 'data_file=c.data', 'c', String(SIZE)],
      'c',
      'qcow2',
      'NEEDS_OTHER_FILE',
    ],
    [
      'encryption',
      [
        '-f',
        'qcow2',
        '--object',
        'secret,id=k,data=x',
        '-o',
        'encrypt.format=luks,encrypt.key-secret=k,encrypt.iter-time=10',
        'd',
        String(SIZE),
      ],
      ...(['d', 'qcow2', 'ENCRYPTED'] as const),
    ],
    [
      'a flat vmdk',
      ['-f', 'vmdk', '-o', 'subformat=monolithicFlat', 'e.vmdk', String(SIZE)],
      'e.vmdk',
      'vmdk',
      'NEEDS_OTHER_FILE',
    ],
    [
      'a split vmdk',
      ['-f', 'vmdk', '-o', 'subformat=twoGbMaxExtentSparse', 'f.vmdk', String(SIZE)],
      'f.vmdk',
      'vmdk',
      'NEEDS_OTHER_FILE',
    ],
    [
      'an extent of it',
      ['-f', 'vmdk', '-o', 'subformat=twoGbMaxExtentSparse', 'g.vmdk', String(SIZE)],
      'g-s001.vmdk',
      'vmdk',
      'NEEDS_OTHER_FILE',
    ],
  ] as const)('%s', async (_title, args, name, format, code) => {
    await qemuImg('create', '-q', ...args);
    expect(await summaryOf(name)).toEqual({ ...sound(format), problems: [code] });
  });

  it.each(['qcow2', 'vhdx', 'vmdk', 'vpc'])('a %s of which the end is missing', async (format) => {
    const name = `cut.${format}`;
    const options = format === 'vmdk' ? ['-o', 'subformat=streamOptimized'] : [];
    await qemuImg('convert', '-O', format, ...options, 'base.raw', name);
    const { size } = await stat(join(folder, name));
    await truncate(join(folder, name), Math.floor(size / 20));
    expect((await summaryOf(name)).problems).toEqual(['INCOMPLETE']);
  });
});
