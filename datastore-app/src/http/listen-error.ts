// SPDX-License-Identifier: Apache-2.0
import { ConfigurationError, errorMessage, systemErrorCode } from '@local-datastore/shared/errors';

/** Why a port cannot be had, for whoever configured it. */
export function explainListenError(error: unknown, port: number): ConfigurationError {
  const reasons: Record<string, string> = {
    EACCES: 'a port below 1024 needs root, or the capability CAP_NET_BIND_SERVICE; or choose another port',
    EADDRINUSE: 'another program listens there: stop it, or choose another port',
    EADDRNOTAVAIL: 'no interface has this address',
  };
  const reason = reasons[systemErrorCode(error) ?? ''] ?? errorMessage(error);
  return new ConfigurationError(`port ${port} cannot be used: ${reason}`, { cause: error });
}
