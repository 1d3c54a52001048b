// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, RequestListener } from 'node:http';
import { clientAddress } from '@local-datastore/shared/net/client-address';
import { isRegistryPath } from '@local-datastore/shared/oci/registry-path';
import type { FinishedRequest } from '../activity/finished-request.ts';
import { isOwnPath, pathOfTarget } from '../images/image-path.ts';

const METHODS = new Set(['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE', 'OPTIONS']);
const MAX_LOGGED_LENGTH = 1024;

/** What was counted on a connection before: keep-alive lets several requests share its counters. */
const COUNTED = Symbol('counted');
type CountedSocket = IncomingMessage['socket'] & { [COUNTED]?: { sentBytes: number; receivedBytes: number } };

function kindOf(path: string): FinishedRequest['kind'] {
  if (isOwnPath(path)) return 'own';
  return isRegistryPath(path) ? 'registry' : 'image';
}

/** Tells of every request once its answer has ended. */
export function observeRequests(
  handler: RequestListener,
  onFinished: (request: FinishedRequest) => void,
): RequestListener {
  return (request, response) => {
    const startedMs = performance.now();
    const socket: CountedSocket = request.socket;
    const path = pathOfTarget(request.url ?? '');
    response.on('close', () => {
      const before = socket[COUNTED] ?? { sentBytes: 0, receivedBytes: 0 };
      const after = { sentBytes: socket.bytesWritten, receivedBytes: socket.bytesRead };
      socket[COUNTED] = after;
      onFinished({
        method: METHODS.has(request.method ?? '') ? (request.method ?? '') : 'OTHER',
        path: path.slice(0, MAX_LOGGED_LENGTH),
        kind: kindOf(path),
        status: response.statusCode,
        sentBytes: after.sentBytes - before.sentBytes,
        receivedBytes: after.receivedBytes - before.receivedBytes,
        durationMs: performance.now() - startedMs,
        client: clientAddress(socket),
        userAgent: request.headers['user-agent']?.slice(0, MAX_LOGGED_LENGTH),
        isComplete: response.writableFinished,
      });
    });
    handler(request, response);
  };
}
