// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { listIpv4Addresses } from './interfaces.ts';

it('lists the loopback address as such', () => {
  const loopback = listIpv4Addresses().find(({ address }) => address === '127.0.0.1');
  expect(loopback).toMatchObject({ interfaceName: 'lo', cidr: '127.0.0.1/8', isLoopback: true });
});
