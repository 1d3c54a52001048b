// SPDX-License-Identifier: Apache-2.0
import type { Adjtimex } from './clock-control.ts';
import { loadKoffi } from './load-koffi.ts';
import { SystemError } from './system-error.ts';

let opened: Adjtimex | undefined;

/**
 * The kernel's adjtimex(2), opened once. Whoever calls it with modes other than 0 changes the clock of the whole machine:
 * there is no namespace for it.
 *
 * @throws Error koffi cannot be loaded
 */
export function openAdjtimex(): Adjtimex {
  opened ??= bind();
  return opened;
}

function bind(): Adjtimex {
  const koffi = loadKoffi();
  const adjtimex = koffi.load(null).func('int adjtimex(void *timex)');
  return (timex) => {
    // What it returns else is the state of the clock, such as 5: not synchronized.
    if (Number(adjtimex(timex)) === -1) throw new SystemError('adjtimex', koffi.errno());
  };
}
