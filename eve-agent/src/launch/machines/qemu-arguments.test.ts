// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { escapeValue, type QemuWanted, qemuArguments } from './qemu-arguments.ts';

const WANTED: QemuWanted = {
  ...{ id: '00000000-0000-4000-8000-000000000001', architecture: 'x64', accelerator: 'tcg' },
  ...{ memoryMib: 128, cpus: 2, networks: [{ tapFd: 9, mac: '02:00:00:00:00:01' }] },
  disks: [
    { fd: 3, format: 'qcow2', isReadOnly: false },
    { fd: 4, format: 'raw', isReadOnly: true },
  ],
  ...{ uefi: null, seedFd: null, socketsFd: 5 },
};
const blockdevs = (args: readonly string[]) =>
  args.filter((_, index) => args[index - 1] === '-blockdev').map((text) => JSON.parse(text));
const valuesOf = (args: readonly string[], option: string) =>
  args.filter((_, index) => args[index - 1] === option);

describe('the command line of qemu', () => {
  it('has no defaults, denies itself what a break-out needs, and waits', () => {
    const args = qemuArguments(WANTED);
    for (const word of ['-nodefaults', '-no-user-config', '-S']) expect(args).toContain(word);
    // EVE #5916: a guest that has switched itself off stays there, and is taken for one that runs.
    expect(args).not.toContain('-no-shutdown');
    expect(valuesOf(args, '-sandbox')).toEqual([
      'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny',
    ]);
    expect(valuesOf(args, '-m')).toEqual(['128']);
    expect(valuesOf(args, '-smp')).toEqual(['2']);
    expect(valuesOf(args, '-accel')).toEqual(['tcg,tb-size=128']);
    expect(valuesOf(qemuArguments({ ...WANTED, accelerator: 'kvm' }), '-cpu')).toEqual(['host']);
  });

  it('gives a disk as an open file with its driver, and believes of no image what it says of others', () => {
    const nodes = blockdevs(qemuArguments(WANTED));
    expect(nodes.map((node) => [node['node-name'], node.driver, node['read-only']])).toEqual([
      ['disk0-file', 'file', false],
      ['disk0', 'qcow2', false],
      ['disk1-file', 'file', true],
      ['disk1', 'raw', true],
    ]);
    expect(nodes[0].filename).toBe('/dev/fdset/0');
    expect(nodes[1]).toMatchObject({ backing: null, file: 'disk0-file' });
    expect(nodes[3]).not.toHaveProperty('backing');
    expect(valuesOf(qemuArguments(WANTED), '-add-fd')).toEqual(['fd=3,set=0', 'fd=4,set=1']);
  });

  it('starts from the first disk, and reads a disc as one', () => {
    const devices = valuesOf(
      qemuArguments({ ...WANTED, disks: [{ fd: 3, format: 'iso', isReadOnly: false }, ...WANTED.disks] }),
      '-device',
    );
    expect(devices.slice(0, 2)).toEqual(['ide-cd,drive=disk0,bootindex=1', 'virtio-blk-pci,drive=disk1']);
    const arm = qemuArguments({
      ...{ ...WANTED, architecture: 'arm64' },
      disks: [{ fd: 3, format: 'iso', isReadOnly: true }],
    });
    expect(valuesOf(arm, '-device').slice(0, 2)).toEqual([
      'virtio-scsi-pci',
      'scsi-cd,drive=disk0,bootindex=1',
    ]);
    expect(valuesOf(arm, '-machine')).toEqual(['virt']);
  });

  it('has a firmware, a seed, sockets and taps by what they are given', () => {
    const uefi = { codePath: '/usr/share/a,b.fd', varsFd: 7 };
    const args = qemuArguments({ ...WANTED, uefi, seedFd: 8 });
    expect(valuesOf(args, '-machine')).toEqual(['q35,pflash0=uefi-code,pflash1=uefi-vars']);
    const nodes = blockdevs(args);
    expect(nodes.find((node) => node['node-name'] === 'uefi-code').file.filename).toBe('/usr/share/a,b.fd');
    expect(nodes.find((node) => node['node-name'] === 'seed')).toMatchObject({
      ...{ driver: 'vvfat', dir: '/proc/self/fd/8', label: 'cidata', 'read-only': true },
    });
    expect(valuesOf(args, '-add-fd')).toContain('fd=7,set=2');
    expect(valuesOf(args, '-netdev')).toEqual(['tap,id=net0,fd=9']);
    expect(valuesOf(args, '-chardev')).toEqual([
      'socket,id=console,path=/proc/self/fd/5/console,server=on,wait=off',
      'socket,id=monitor,path=/proc/self/fd/5/qmp,server=on,wait=off',
    ]);
  });

  it('a comma in a value is doubled', () => {
    expect(escapeValue('a,b,,c')).toBe('a,,b,,,,c');
  });
});
