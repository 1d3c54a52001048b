import type { IncomingMessage } from 'node:http';
import { expect, it } from 'vitest';
import { createOwnNames } from './request-origin.ts';
import { realmOf } from './token-realm.ts';

const isOwnName = createOwnNames(['ds.local', 'images.example']);
const request = (host: string | undefined, socket: object = {}) =>
  ({
    headers: host === undefined ? {} : { host },
    socket: { localAddress: '10.1.0.5', localPort: 80, ...socket },
  }) as unknown as IncomingMessage;

it.each([
  ['ds.local', {}, 'http://ds.local/-/token'],
  ['ds.local:8080', {}, 'http://ds.local:8080/-/token'],
  ['DS.local', {}, 'http://DS.local/-/token'],
  ['ds.local', { encrypted: true }, 'https://ds.local/-/token'],
  ['ds.local:443', { encrypted: true }, 'https://ds.local:443/-/token'],
  ['10.9.9.9', {}, 'http://10.9.9.9/-/token'],
  ['[fd00::1]:80', {}, 'http://[fd00::1]:80/-/token'],
  ['localhost:8080', {}, 'http://localhost:8080/-/token'],
  ['images.example', {}, 'http://images.example/-/token'],
  ['evil.example', {}, 'http://10.1.0.5:80/-/token'],
  ['ds.local@evil.example', {}, 'http://10.1.0.5:80/-/token'],
  ['ds.local",x="', {}, 'http://10.1.0.5:80/-/token'],
  ['', {}, 'http://10.1.0.5:80/-/token'],
  [undefined, {}, 'http://10.1.0.5:80/-/token'],
  [undefined, { localAddress: '::ffff:10.1.0.5' }, 'http://10.1.0.5:80/-/token'],
  [
    undefined,
    { localAddress: 'fd00::5', localPort: 8443, encrypted: true },
    'https://[fd00::5]:8443/-/token',
  ],
])('who asks %s is led to %s', (host, socket, realm) => {
  expect(realmOf(request(host, socket), isOwnName)).toBe(realm);
});
