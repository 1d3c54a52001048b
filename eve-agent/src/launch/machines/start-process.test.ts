// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import type { Qemu } from './find-qemu.ts';
import { confine } from './start-process.ts';

const QEMU: Qemu = {
  ...{ path: '/usr/bin/qemu-system-x86_64', version: '7.2', architecture: 'x64', accelerator: 'tcg' },
  ...{ kvmGroup: null, uefi: null, setprivPath: '/usr/bin/setpriv', prlimitPath: '/usr/bin/prlimit' },
};

it('the process of a machine is confined before it is qemu', () => {
  const words = confine(QEMU, 1234);
  expect(words[0]).toBe('/usr/bin/prlimit');
  expect(words.join(' ')).toContain('--reuid 1234 --regid 1234 --clear-groups');
  for (const word of [
    '--bounding-set=-all',
    '--inh-caps=-all',
    '--ambient-caps=-all',
    '--no-new-privs',
    '--core=0:0',
  ]) {
    expect(words).toContain(word);
  }
  expect(confine({ ...QEMU, accelerator: 'kvm', kvmGroup: 104 }, 1).join(' ')).toContain('--groups 104');
});
