// SPDX-License-Identifier: Apache-2.0
/** In the state directory of a service. */
export const SOCKET_NAME = 'agent.sock';
/** unix(7): `sun_path` has 108 bytes, the last of which is a zero. */
const MAX_SOCKET_PATH_BYTES = 107;

/** What is wrong with the path of a socket: the kernel only says "invalid argument". Null: it is short enough. */
export function describeLongSocketPath(path: string): string | null {
  const sizeBytes = Buffer.byteLength(path);
  if (sizeBytes <= MAX_SOCKET_PATH_BYTES) return null;
  return (
    `the path of the socket has ${sizeBytes} bytes, of which Linux takes ${MAX_SOCKET_PATH_BYTES}: ${path}; ` +
    'name a shorter one with --listen unix:PATH (and --socket for whoever asks), or a shorter --state'
  );
}
