// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { hasVirtualisation, whyNoQemu, whyNoUefi } from './find-qemu.ts';

it('a processor is believed to run machines where it says so itself', () => {
  expect(hasVirtualisation('x64', 'processor : 0\nflags\t\t: fpu vmx sse\n')).toBe(true);
  expect(hasVirtualisation('x64', 'flags\t\t: fpu svm sse\n')).toBe(true);
  expect(hasVirtualisation('x64', 'model name : vmx\nflags\t\t: fpu vmxnet sse\n')).toBe(false);
  expect(hasVirtualisation('arm64', '')).toBe(true);
});

it('what is missing is named, and its package', () => {
  expect(whyNoQemu('x64')).toMatch(/qemu-system-x86_64.*Debian: qemu-system-x86\)/);
  expect(whyNoQemu('arm64')).toMatch(/qemu-system-aarch64.*Debian: qemu-system-arm\)/);
  expect(whyNoQemu('riscv64')).toMatch(/not known.*riscv64/);
  expect(whyNoUefi('x64')).toMatch(/Debian: ovmf/);
});
