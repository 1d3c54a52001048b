// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { createTaps, isInterfaceName, tapName } from './tap-device.ts';

const ID = '79c1e150-9402-4eab-b6e5-4a1dcdeeff52';
const { signal } = new AbortController();

function scripted(answers: Readonly<Record<string, string>>) {
  const calls: string[] = [];
  const taps = createTaps('/ip', async (_program, args) => {
    const call = args.join(' ');
    calls.push(call);
    if (call.startsWith('-json') && answers[call] === undefined) throw new Error('Device does not exist.');
    return answers[call] ?? '';
  });
  return { taps, calls };
}

it('the name of a tap is one that the kernel takes, and a machine has it alone', () => {
  expect(tapName(ID, 0)).toBe('vm79c1e15094.0');
  expect(isInterfaceName(tapName(ID, 7))).toBe(true);
  expect(['bn1', 'a/b', 'a b', '', 'x'.repeat(16)].map(isInterfaceName)).toEqual([
    true,
    false,
    false,
    false,
    false,
  ]);
});

it('a bridge is what the kernel calls one', async () => {
  const show = (name: string) => `-json -details link show dev ${name}`;
  const { taps } = scripted({
    [show('bn1')]: '[{"ifname":"bn1","linkinfo":{"info_kind":"bridge"}}]',
    [show('eth0')]: '[{"ifname":"eth0"}]',
  });
  expect(await taps.inspectBridge('bn1', signal)).toEqual({ driver: 'bridge', bridge: 'bn1' });
  expect(await taps.inspectBridge('eth0', signal)).toBeNull();
  expect(await taps.inspectBridge('none', signal)).toBeNull();
  expect(await taps.inspectBridge('a b', signal)).toBeNull();
});

it('a tap belongs to root, and takes the place of one that a crash left', async () => {
  const { taps, calls } = scripted({ '-json link show dev vm0.0': '[]' });
  await taps.add('vm0.0', 'bn1', signal);
  expect(calls).toEqual([
    '-json link show dev vm0.0',
    'link delete dev vm0.0',
    'tuntap add dev vm0.0 mode tap',
    'link set dev vm0.0 addrgenmode none',
    'link set dev vm0.0 master bn1 up',
  ]);
});

it('without iproute2 it is said what to install', async () => {
  const taps = createTaps(null, async () => '');
  await expect(taps.add('vm0.0', 'bn1', signal)).rejects.toThrow('install iproute2');
});
