// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { portText, switchText } from './app-text.ts';

it.each([
  [{ Protocol: 'tcp', HostAddress: '', HostPort: 8080, AppPort: 80 }, 'tcp 8080 → 80'],
  [{ Protocol: 'udp', HostAddress: '10.1.0.1', HostPort: 53, AppPort: 53 }, 'udp 10.1.0.1:53 → 53'],
  [{ Protocol: 'tcp', HostAddress: 'fe80::1', HostPort: 1, AppPort: 2 }, 'tcp [fe80::1]:1 → 2'],
])('writes the port %j as %j', (map, text) => {
  expect(portText(map)).toBe(text);
});

const SWITCH = { Time: '', Code: '', ContentSha256: '', Asked: 0, Failed: 0 };
it.each([
  [null, undefined],
  [{ ...SWITCH, Outcome: 'committed', How: 'beside', GapMs: null }, 'the new version ran beside the old one'],
  [
    { ...SWITCH, Outcome: 'committed', How: 'in-place', GapMs: 120 },
    'the old version was stopped first; nobody answered for 120 ms',
  ],
  [
    { ...SWITCH, Outcome: 'kept', Code: 'EXITED', How: '', GapMs: 0 },
    'taken back (EXITED); the version before serves; nobody answered for 0 ms',
  ],
] as const)('tells of the switch %j: %j', (last, text) => {
  expect(switchText(last)).toBe(text);
});
