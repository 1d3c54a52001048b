// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import type { OciAlgorithm } from '@local-datastore/shared/oci/digest';
import type { HashReply, HashRequest } from './stream-hasher.ts';

/** The prefix of a resumed file is read in pieces of this size. */
const READ_BYTES = 1024 * 1024;

const memory = workerData as SharedArrayBuffer;
let algorithm: OciAlgorithm = 'sha256';
let hash = createHash(algorithm);

function reply(message: HashReply): void {
  parentPort?.postMessage(message);
}

/** The crypto module cannot save its state, so what an earlier run stored is read once more. */
function updateFromFile(path: string, lengthBytes: number): void {
  const buffer = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, lengthBytes));
  const file = openSync(path, 'r');
  try {
    for (let position = 0; position < lengthBytes; ) {
      const wanted = Math.min(buffer.length, lengthBytes - position);
      const byteCount = readSync(file, buffer, 0, wanted, position);
      if (byteCount === 0) throw new Error(`${path} ends at ${position}, before byte ${lengthBytes}`);
      hash.update(buffer.subarray(0, byteCount));
      position += byteCount;
    }
  } finally {
    closeSync(file);
  }
}

parentPort?.on('message', (request: HashRequest) => {
  switch (request.kind) {
    case 'reset':
      algorithm = request.algorithm;
      hash = createHash(algorithm);
      reply({ kind: 'reset' });
      break;
    case 'file':
      updateFromFile(request.path, request.lengthBytes);
      break;
    case 'memory':
      hash.update(new Uint8Array(memory, request.offset, request.lengthBytes));
      reply({ kind: 'hashed', id: request.id });
      break;
    case 'digest':
      reply({ kind: 'digest', hex: hash.digest('hex') });
      hash = createHash(algorithm);
      break;
  }
});
