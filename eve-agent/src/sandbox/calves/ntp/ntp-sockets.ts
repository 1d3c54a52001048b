// SPDX-License-Identifier: Apache-2.0
/** Where a server is asked. */
export interface NtpServer {
  /** As in the keys: `001`. */
  readonly id: string;
  readonly address: string;
}

/**
 * A socket of one server: what comes from another address or port never comes to it, and its own port is one that
 * nobody can foresee (RFC 9109).
 */
export interface NtpSocket {
  /** Sends, or does not: never throws. */
  send(bytes: Uint8Array): void;
  /** Nothing comes any more. Idempotent. */
  close(): void;
}

/** The sockets as the client has them: opened by priv, or by itself where it may. */
export interface NtpSockets {
  /** @returns a promise that rejects where there is no way to the server, which may be later */
  open(server: NtpServer, onDatagram: (bytes: Uint8Array) => void): Promise<NtpSocket>;
}
