// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type IsOwnName, parseHost } from '@local-datastore/shared/http/request-origin';

type Asked = Pick<IncomingMessage, 'headers' | 'socket'>;

/** Where the datastore is found, for what it tells its clients of itself. */
export interface Places {
  /** Scheme, host and port by which it is reached from elsewhere, as through a proxy; undefined: no such place is known. */
  readonly publicUrl: URL | undefined;
  /** The public place, where the client of a request did not ask by the name that is advertised on its own links. */
  publicFor(request: Pick<Asked, 'headers'>): URL | undefined;
  /** Scheme, host and port for the client of a request. */
  originFor(request: Asked): string;
}

export interface PlacesOptions {
  /** Without a path. */
  readonly publicUrl: URL | undefined;
  /** With `.local`. */
  readonly hostName: string;
}

const isTls = (socket: IncomingMessage['socket']) => (socket as Partial<TLSSocket>).encrypted === true;
const plainName = (name: string) => name.toLowerCase().replace(/\.$/, '');

/**
 * Says who is told of which place. Who asks by the advertised name goes on by that, and by the address of the connection
 * who asks by a name that is none of ours: it could lead the client's credentials elsewhere. Where a public place is
 * known, all others are told of that alone: a proxy may ask by any name or address, and what it says of its clients
 * (`Forwarded`, `X-Forwarded-…`) anybody else could say as well.
 */
export function createPlaces(isOwnName: IsOwnName, { publicUrl, hostName }: PlacesOptions): Places {
  const nameAskedBy = ({ headers: { host } }: Pick<Asked, 'headers'>) =>
    host === undefined ? undefined : parseHost(host);

  const publicFor: Places['publicFor'] = (request) => {
    const asked = nameAskedBy(request);
    return asked !== undefined && plainName(asked.name) === plainName(hostName) ? undefined : publicUrl;
  };

  return {
    publicUrl,
    publicFor,

    originFor(request) {
      const elsewhere = publicFor(request);
      if (elsewhere !== undefined) return elsewhere.origin;
      const { socket } = request;
      const scheme = isTls(socket) ? 'https' : 'http';
      const asked = nameAskedBy(request);
      if (asked !== undefined && isOwnName(asked.name)) {
        return `${scheme}://${asked.name}${asked.port === undefined ? '' : `:${asked.port}`}`;
      }
      const address = (socket.localAddress ?? '127.0.0.1').replace(/^::ffff:/, '');
      return `${scheme}://${isIPv6(address) ? `[${address}]` : address}:${socket.localPort}`;
    },
  };
}
