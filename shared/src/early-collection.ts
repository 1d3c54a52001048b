// SPDX-License-Identifier: Apache-2.0
import { setFlagsFromString } from 'node:v8';

/**
 * What the network brings lies in buffers beside V8's heap, which only its young collections free, or is
 * short-lived garbage in it. The fewer small objects come and go between two collections, the fewer buffers
 * wait: so the young space stays as small as it is (an upload of 1 GiB took 157 MB at its height, now 123),
 * and the old one is collected when it has grown by a fifth (a flood of mDNS grew the heap by 150 MB before).
 * `--optimize-for-size` would keep the old one small as well, but costs a seventh of the small files a second. The
 * buffers are freed where they were made: handing them to a thread of V8's, which frees them into what the allocator
 * keeps for another thread, took a third of the CPU of an upload.
 *
 * For a process that goes on for long, to be called first: what has grown does not shrink. Node 24.21 takes no
 * `--max-semi-space-size` once it runs; these it looks at in every collection.
 */
export function collectEarly(): void {
  setFlagsFromString(
    '--semi-space-growth-factor=1 --heap-growing-percent=20 --no-concurrent-array-buffer-sweeping',
  );
}
