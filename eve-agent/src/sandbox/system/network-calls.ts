import { createRequire } from 'node:module';
import { getSystemErrorName } from 'node:util';
import { CodedError, systemErrorCode } from '@local-datastore/shared/errors';
import type { TypeObject } from 'koffi';

type Koffi = typeof import('koffi');

/** A call that the kernel refused: `code` is the name of its errno, such as `EPERM`. */
export class NetworkCallError extends CodedError {
  constructor(call: string, errno: number) {
    const code = errno > 0 ? getSystemErrorName(-errno) : 'EUNKNOWN';
    super(code, `${call}: ${code}`, { details: { call, errno } });
  }
}

/** What Node has nothing of: sockets that are neither TCP, UDP nor Unix. Each throws what the kernel refuses. */
export interface NetworkCalls {
  /** @returns a descriptor that no child inherits; the caller closes it */
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Buffer): void;
  setOption(fd: number, level: number, name: number, value: Buffer): void;
  /** @param rows `struct sock_filter`s */
  attachFilter(fd: number, rows: Buffer): void;
  send(fd: number, bytes: Buffer): void;
  /** Does not wait. @returns how long the message is, which may be more than was taken; null: there is none */
  receive(fd: number, into: Buffer, source: Buffer): number | null;
}

const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_ATTACH_FILTER = 26;
const MSG_TRUNC = 0x20;
const MSG_DONTWAIT = 0x40;
const INSTRUCTION_BYTES = 8;
/** `struct sock_fprog`: a number of two bytes and an address. */
const FILTER_BYTES = 16;

let opened: NetworkCalls | undefined;

/**
 * The calls of the C library, bound at the first use: only priv ever does.
 *
 * @throws Error koffi cannot be loaded
 */
export function openNetworkCalls(): NetworkCalls {
  opened ??= bindCalls(createRequire(import.meta.url)('koffi') as Koffi);
  return opened;
}

function bindCalls(koffi: Koffi): NetworkCalls {
  const library = koffi.load(null);
  const program = koffi.struct({ length: 'uint16_t', rows: 'const void *' });
  const checked = (name: string, result: 'int' | 'long', parameters: (string | TypeObject)[]) => {
    const call = library.func(name, result, parameters);
    return (...args: unknown[]): number => {
      const result = Number(call(...args));
      if (result === -1) throw new NetworkCallError(name, koffi.errno());
      return result;
    };
  };
  const socket = checked('socket', 'int', ['int', 'int', 'int']);
  const bind = checked('bind', 'int', ['int', 'const void *', 'uint32_t']);
  const setOption = checked('setsockopt', 'int', ['int', 'int', 'int', 'const void *', 'uint32_t']);
  const setFilter = checked('setsockopt', 'int', ['int', 'int', 'int', koffi.pointer(program), 'uint32_t']);
  const send = checked('send', 'long', ['int', 'const void *', 'size_t', 'int']);
  const receive = checked('recvfrom', 'long', ['int', 'void *', 'size_t', 'int', 'void *', 'void *']);
  const sourceLength = Buffer.alloc(4);
  return {
    socket: (domain, type, protocol) => socket(domain, type | SOCK_CLOEXEC, protocol),
    bind: (fd, address) => void bind(fd, address, address.length),
    setOption: (fd, level, name, value) => void setOption(fd, level, name, value, value.length),
    attachFilter(fd, rows) {
      const filter = { length: rows.length / INSTRUCTION_BYTES, rows };
      setFilter(fd, SOL_SOCKET, SO_ATTACH_FILTER, filter, FILTER_BYTES);
    },
    send(fd, bytes) {
      const count = send(fd, bytes, bytes.length, MSG_DONTWAIT);
      if (count !== bytes.length) throw new NetworkCallError('send', 0);
    },
    receive(fd, into, source) {
      sourceLength.writeUInt32LE(source.length);
      try {
        return receive(fd, into, into.length, MSG_TRUNC | MSG_DONTWAIT, source, sourceLength);
      } catch (error) {
        if (systemErrorCode(error) === 'EAGAIN') return null;
        throw error;
      }
    },
  };
}
