import { expect, it } from 'vitest';
import { createSubnetTest, listIpv4Addresses } from './interfaces.ts';

it('holds exactly the addresses of the subnet, whatever the host bits say', () => {
  const isInside = createSubnetTest('10.1.0.77/25');
  expect(['10.1.0.0', '10.1.0.127'].map(isInside)).toEqual([true, true]);
  expect(['10.1.0.128', '10.0.255.255', '10.1.1.5'].map(isInside)).toEqual([false, false, false]);
});

it('takes what is no IPv4 address for outside', () => {
  const isInside = createSubnetTest('0.0.0.0/0');
  expect(['', 'ds.local', '::1', '10.1.0.256'].map(isInside)).toEqual([false, false, false, false]);
});

it('lists the loopback address as such', () => {
  const loopback = listIpv4Addresses().find(({ address }) => address === '127.0.0.1');
  expect(loopback).toMatchObject({ interfaceName: 'lo', cidr: '127.0.0.1/8', isLoopback: true });
});
