// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { silentLog } from '@local-datastore/shared/log';
import { describe, expect, it } from 'vitest';
import { bindPort } from './bound-port.ts';
import { listen } from './server.ts';

const ADDRESS = '127.0.0.1';

describe('bindPort', () => {
  it('refuses connections until a server takes the port over, which then has it alone', async () => {
    const bound = await bindPort(ADDRESS, 0);
    const { port } = bound.address() as AddressInfo;
    const early = connect(port, ADDRESS);
    early.on('error', () => {});
    early.resume();
    await once(early, 'close');

    const listener = await listen({ log: silentLog }, (_, response) => response.end('served'), {
      address: ADDRESS,
      port,
      bound,
      tls: undefined,
      limits: { maxConnections: 10, headerTimeoutMs: 60_000, idleTimeoutMs: 60_000 },
    });
    expect(listener.port).toBe(port);
    expect(await (await fetch(`http://${ADDRESS}:${port}/`)).text()).toBe('served');

    await listener.drain(0);
    const again = await bindPort(ADDRESS, port);
    again.close();
  });

  it('says why a port cannot be had', async () => {
    const holder = await bindPort(ADDRESS, 0);
    const { port } = holder.address() as AddressInfo;
    await expect(bindPort(ADDRESS, port)).rejects.toThrow(
      `port ${port} cannot be used: another program listens`,
    );
    holder.close();
    await expect(bindPort('192.0.2.1', 0)).rejects.toThrow('no interface has this address');
  });
});
