// SPDX-License-Identifier: Apache-2.0
import { fstatSync, openSync } from 'node:fs';
import { silentLog } from '@local-datastore/shared/log';
import { beforeEach, describe, expect, it } from 'vitest';
import { createKeyStore, type KeyStore, PRIV } from '../store/key-store.ts';
import { createNtpSocketGiver } from './give-ntp-socket.ts';

let store: KeyStore;
let opened: { readonly address: string; readonly port: number }[];
beforeEach(() => {
  store = createKeyStore({ audit: { append: () => {} }, log: silentLog });
  opened = [];
});
function open(address: string, port: number): number {
  opened.push({ address, port });
  return openSync('/dev/null', 'r');
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
    expect(descriptor?.kind).toBe(kind);
    expect(opened).toEqual([{ address, port: 123 }]);
    const { fd = -1 } = descriptor ?? {};
    expect(fstatSync(fd).isCharacterDevice()).toBe(true);
    descriptor?.close();
    expect(() => fstatSync(fd)).toThrow('EBADF');
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
