import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { silentLog } from '@local-datastore/shared/log';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createKeyStore, type KeyStore, PRIV } from '../store/key-store.ts';
import { createNtpSocketGiver } from './give-ntp-socket.ts';

let store: KeyStore;
let opened: { readonly address: string; readonly port: number; readonly socket: Socket }[];
beforeEach(() => {
  store = createKeyStore({ audit: { append: () => {} }, log: silentLog });
  opened = [];
});
afterEach(() => Promise.all(opened.map(({ socket }) => closed(socket))));

async function closed(socket: Socket): Promise<void> {
  try {
    socket.close();
    await once(socket, 'close');
  } catch {
    // It was before.
  }
}
async function open(address: string, port: number): Promise<Socket> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  opened.push({ address, port, socket });
  socket.bind(0, address.includes(':') ? '::1' : '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}
const give = (asked: unknown) => createNtpSocketGiver({ store, open }, { prefix: ['ntp'], port: 123 })(asked);
const name = (id: string, address: string) =>
  store.write(PRIV, ['ntp', 'server', id, 'address'], Buffer.from(address));

describe('what a client of NTP asks for', () => {
  it.each([
    ['001', '10.0.0.5', 'udp4'],
    ['016', '2001:db8::5', 'udp6'],
    ['002', 'fe80::5%eth0', 'udp6'],
  ])('is a socket of a server that was named: %s', async (id, address, kind) => {
    name(id, address);
    const { value, descriptor } = await give({ server: id });
    expect(value).toEqual({ address, port: 123 });
    expect(descriptor).toMatchObject({ kind, fd: expect.any(Number) });
    expect(opened).toMatchObject([{ address, port: 123 }]);
    descriptor?.close();
  });

  it.each<[string, unknown, string]>([
    ['a server that was not named', { server: '002' }, 'no such server'],
    ['an address', { server: '10.0.0.9' }, 'cannot be read'],
    ['a way out of its keys', { server: '../' }, 'cannot be read'],
    ['more than a server', { server: '001', address: '10.0.0.9' }, 'cannot be read'],
    ['nothing', {}, 'cannot be read'],
    ['what is no JSON', undefined, 'cannot be read'],
  ])('is refused where it is %s', async (_, asked, why) => {
    name('001', '10.0.0.5');
    await expect(give(asked)).rejects.toThrow(why);
    expect(opened).toEqual([]);
  });
});
