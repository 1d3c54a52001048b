// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import {
  createReachable,
  namesThisMachine,
  reachableLookup,
  requireReachableHost,
} from './reachable-address.ts';

const strangers = createReachable({ mayBeThisMachine: false });
const own = createReachable({ mayBeThisMachine: true });

describe('an address that nobody here has named', () => {
  it.each([
    ['127.0.0.1', true, false],
    ['127.8.8.8', true, false],
    ['::1', true, false],
    ['::ffff:127.0.0.1', true, false],
    ['0.0.0.0', true, true],
    ['::', true, true],
    ['169.254.169.254', true, true],
    ['::ffff:169.254.169.254', true, true],
    ['fe80::1', true, true],
    ['fd00:ec2::254', true, true],
    ['224.0.0.251', true, true],
    ['255.255.255.255', true, true],
    ['10.1.0.5', false, false],
    ['192.168.1.1', false, false],
    ['203.0.113.7', false, false],
    ['fd12::1', false, false],
    ['2001:db8::1', false, false],
  ])('%s: refused %s, for a registry of this machine %s', (address, isRefused, isRefusedForOwn) => {
    if (isRefused) expect(() => strangers(address)).toThrow('only an administrator may name it');
    else expect(() => strangers(address)).not.toThrow();
    if (isRefusedForOwn) expect(() => own(address)).toThrow();
    else expect(() => own(address)).not.toThrow();
  });

  it.each([
    ['[::1]', true],
    ['127.0.0.1', true],
    ['LocalHost', true],
    ['registry.example', false],
    ['10.0.0.1', false],
  ])('%s is this machine by its name: %s', (host, isOwn) => {
    expect(namesThisMachine(host)).toBe(isOwn);
  });

  it('is refused in a URL, and where a name leads to it', async () => {
    expect(() => requireReachableHost('[fe80::1]', strangers)).toThrow();
    expect(() => requireReachableHost('registry.example', strangers)).not.toThrow();
    const lookup = reachableLookup((_name, _options, callback) => {
      callback(null, [
        { address: '203.0.113.7', family: 4 },
        { address: '127.0.0.1', family: 4 },
      ]);
    }, strangers);
    const error = await new Promise((resolve) => lookup('evil.example', { all: true }, resolve));
    expect(error).toMatchObject({ code: 'DENIED' });
  });
});
