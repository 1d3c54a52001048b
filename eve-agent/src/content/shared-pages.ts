// SPDX-License-Identifier: Apache-2.0
/** The part of the WebAssembly API that is used; its own types come with those of a browser only. */
declare const WebAssembly: {
  Memory: new (descriptor: {
    initial: number;
    maximum: number;
    shared: true;
  }) => { readonly buffer: SharedArrayBuffer };
};

const WASM_PAGE_BYTES = 64 * 1024;

/**
 * Memory that threads share and that starts on a page, which O_DIRECT needs and no Buffer promises.
 *
 * @param sizeBytes a multiple of 64 KiB
 */
export function allocateSharedPages(sizeBytes: number): SharedArrayBuffer {
  const pages = sizeBytes / WASM_PAGE_BYTES;
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }).buffer;
}
