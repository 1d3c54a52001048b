// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage } from 'node:http';
import { createOwnNames } from '@local-datastore/shared/http/request-origin';
import { expect, it } from 'vitest';
import { createPlaces } from './places.ts';
import { realmOf } from './token-realm.ts';

const isOwnName = createOwnNames(['ds.local', 'images.example']);
const placesWith = (publicUrl: string | undefined) =>
  createPlaces(isOwnName, {
    ...{ hostName: 'ds.local', publicUrl: publicUrl === undefined ? undefined : new URL(publicUrl) },
  });
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
  expect(realmOf(request(host, socket), placesWith(undefined))).toBe(realm);
});

it.each([
  // By the name on its own links, as devices ask.
  ['ds.local', {}, 'http://ds.local/-/token'],
  ['DS.local.:8080', {}, 'http://DS.local.:8080/-/token'],
  ['ds.local', { encrypted: true }, 'https://ds.local/-/token'],
  // Through a proxy, whatever it makes of the name.
  ['images.example', {}, 'https://images.example:8443/-/token'],
  ['images.example:8443', {}, 'https://images.example:8443/-/token'],
  ['127.0.0.1:8080', {}, 'https://images.example:8443/-/token'],
  ['backend', {}, 'https://images.example:8443/-/token'],
  ['evil.example', {}, 'https://images.example:8443/-/token'],
  [undefined, {}, 'https://images.example:8443/-/token'],
])('with a public place, who asks %s is led to %s', (host, socket, realm) => {
  const asked = request(host, socket);
  Object.assign(asked.headers, {
    ...{ forwarded: 'host=evil.example;proto=http', 'x-forwarded-host': 'evil.example' },
    'x-forwarded-proto': 'http',
  });
  expect(realmOf(asked, placesWith('https://images.example:8443'))).toBe(realm);
});
