// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';

/** Of this boot of the machine (random(4)); '' where the kernel says none. */
export function readBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}
