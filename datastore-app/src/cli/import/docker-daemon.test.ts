import { ConfigurationError } from '@local-datastore/shared/errors';
import { expect, it } from 'vitest';
import { engineAddress } from './docker-daemon.ts';

it.each([
  [undefined, { socketPath: '/var/run/docker.sock' }],
  ['', { socketPath: '/var/run/docker.sock' }],
  ['unix:///run/user/1000/docker.sock', { socketPath: '/run/user/1000/docker.sock' }],
  ['tcp://10.0.0.1:2376', { host: '10.0.0.1', port: '2376' }],
  ['tcp://10.0.0.1', { host: '10.0.0.1', port: '2375' }],
  ['tcp://[::1]:2375', { host: '::1', port: '2375' }],
  ['http://engine', { host: 'engine', port: '80' }],
])('DOCKER_HOST %s', (text, address) => {
  expect(engineAddress(text)).toEqual(address);
});

it.each(['ssh://build', 'unix://', 'npipe:////./pipe/docker', 'localhost', '/var/run/docker.sock'])(
  'DOCKER_HOST %s is none that is spoken to',
  (text) => {
    expect(() => engineAddress(text)).toThrow(ConfigurationError);
  },
);
