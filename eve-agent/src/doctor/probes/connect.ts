// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from 'node:crypto';
import { connect as connectTcp, isIP } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import { readTlsFailure } from '../../transfer/tls-failure.ts';
import type { ConnectionEvidence, TlsEvidence } from '../observations.ts';

export interface ConnectRequest {
  /** A name for ordinary DNS, or an address without brackets. */
  readonly host: string;
  readonly port: number;
  /** Null: the system chooses. */
  readonly sourceAddress: string | null;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** The host of a URL as sockets want it. */
export const socketHost = ({ hostname }: URL): string => hostname.replace(/^\[(.*)\]$/, '$1');

/** The port of a URL, or its scheme's own. */
export const portOf = ({ port, protocol }: URL): number => Number(port) || (protocol === 'https:' ? 443 : 80);

function describeFailure(error: Error): ConnectionEvidence {
  const code = systemErrorCode(error);
  const message = errorMessage(error) || (code ?? 'unknown reason');
  if (code === 'ECONNREFUSED') return { kind: 'refused', message };
  if (code === 'EHOSTUNREACH' || code === 'ENETUNREACH') return { kind: 'unreachable', message };
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return { kind: 'unknown-host', message };
  if (code === 'ETIMEDOUT') return { kind: 'timeout', message };
  return { kind: 'failed', message };
}

/** Opens a TCP connection and closes it again. Never throws but the signal's reason. */
export async function probeConnection(request: ConnectRequest): Promise<ConnectionEvidence> {
  const { host, port, sourceAddress, timeoutMs, signal } = request;
  signal.throwIfAborted();
  const socket = connectTcp({ host, port, ...(sourceAddress !== null && { localAddress: sourceAddress }) });
  const onAbort = () => socket.destroy();
  signal.addEventListener('abort', onAbort);
  let timer: NodeJS.Timeout | undefined;
  const evidence = await new Promise<ConnectionEvidence>((resolve) => {
    timer = setTimeout(() => resolve({ kind: 'timeout', message: `nothing for ${timeoutMs} ms` }), timeoutMs);
    socket.once('connect', () => resolve({ kind: 'open' }));
    socket.once('error', (error) => resolve(describeFailure(error)));
    socket.once('close', () => resolve({ kind: 'failed', message: 'closed' }));
  });
  clearTimeout(timer);
  signal.removeEventListener('abort', onAbort);
  socket.destroy();
  signal.throwIfAborted();
  return evidence;
}

export interface TlsRequest extends ConnectRequest {
  /** The name in the URL. */
  readonly name: string;
  /** PEM. Null: the system's roots. */
  readonly ca: string | null;
}

function describeCertificate(raw: Buffer, { host, name }: TlsRequest): TlsEvidence['certificate'] {
  const certificate = new X509Certificate(raw);
  const isFor = (each: string) =>
    (isIP(each) === 0 ? certificate.checkHost(each) : certificate.checkIP(each)) !== undefined;
  return {
    subject: certificate.subject ?? '',
    issuer: certificate.issuer ?? '',
    subjectAltName: certificate.subjectAltName ?? '',
    validFromMs: Date.parse(certificate.validFrom),
    validToMs: Date.parse(certificate.validTo),
    isForAddress: isFor(host),
    isForName: isFor(name),
  };
}

/** Shakes hands, whatever the certificate, and looks at it. Sends nothing. */
export async function probeTls(request: TlsRequest): Promise<TlsEvidence> {
  const { host, port, sourceAddress, timeoutMs, signal, ca } = request;
  signal.throwIfAborted();
  const onAbort = () => socket.destroy();
  let timer: NodeJS.Timeout | undefined;
  const socket: TLSSocket = connectTls({
    host,
    port,
    ...(sourceAddress !== null && { localAddress: sourceAddress }),
    // As Go has it: whatever of the chain is given is trusted, be it the leaf.
    ...(ca !== null && { ca, allowPartialTrustChain: true }),
    // Judged afterwards, so that the report can say what is wrong; the connection carries no request.
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
  });
  signal.addEventListener('abort', onAbort);
  const evidence = await new Promise<TlsEvidence>((resolve) => {
    const fail = (handshakeError: string, isPlain = false) =>
      resolve({ certificate: null, handshakeError, isPlain, chainError: null });
    timer = setTimeout(() => fail(`no handshake within ${timeoutMs} ms`), timeoutMs);
    socket.once('error', (error) => {
      const failure = readTlsFailure(error);
      fail(failure?.reason ?? errorMessage(error), failure?.kind === 'no-tls');
    });
    socket.once('close', () => fail('the connection was closed'));
    socket.once('secureConnect', () => {
      const chainError = socket.authorizationError;
      resolve({
        certificate: describeCertificate(socket.getPeerCertificate().raw, request),
        handshakeError: null,
        isPlain: false,
        chainError: chainError ? String((chainError as { code?: string }).code ?? chainError) : null,
      });
    });
  });
  clearTimeout(timer);
  signal.removeEventListener('abort', onAbort);
  socket.destroy();
  signal.throwIfAborted();
  return evidence;
}
