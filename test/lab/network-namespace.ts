// SPDX-License-Identifier: Apache-2.0
/** This process in a network namespace of the lab, for as long as a synchronous call takes. Needs root. */

import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { loadKoffi } from '@local-datastore/shared/confinement/system/load-koffi';
import type { Namespace } from './namespace.ts';

const CLONE_NEWNET = 0x40000000;

export interface HeldNetwork {
  /** Runs something that opens sockets there; they stay of that namespace. */
  enter<Result>(action: () => Result): Result;
}

let setns: ((fd: number, kind: number) => number) | undefined;

function moveTo(descriptor: number): void {
  const koffi = loadKoffi();
  setns ??= koffi.load(null).func('int setns(int fd, int kind)');
  if (setns(descriptor, CLONE_NEWNET) !== 0) throw new Error(`setns: errno ${koffi.errno()}`);
}

/** Keeps hold of a namespace by a process in it, which ends with the lab. */
export async function holdNetwork(namespace: Namespace): Promise<HeldNetwork> {
  const child = namespace.start(['sh', '-c', 'echo ready; exec cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
  if (child.stdout === null) throw new Error('there is no stdout');
  await once(child.stdout, 'data');
  return {
    enter(action) {
      const home = openSync('/proc/thread-self/ns/net', 'r');
      const there = openSync(`/proc/${child.pid}/ns/net`, 'r');
      try {
        moveTo(there);
        try {
          return action();
        } finally {
          moveTo(home);
        }
      } finally {
        closeSync(there);
        closeSync(home);
      }
    },
  };
}
