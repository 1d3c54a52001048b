// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { parseTrace } from './traced-calls.ts';

it.each<[string, string, object[]]>([
  [
    'a call',
    '12 read(3, "a) = 1", 5) = 5',
    [{ thread: 12, name: 'read', args: '3, "a) = 1", 5', result: '5' }],
  ],
  [
    'one that is refused',
    '12   connect(3, {sa_family=AF_INET}, 16) = -1 EPERM (Operation not permitted)',
    [{ name: 'connect', result: '-1 EPERM' }],
  ],
  [
    'one that waits, beside another',
    '12 read(3,  <unfinished ...>\n13 getpid() = 1\n12 <... read resumed>"ab", 9) = 2',
    [
      { thread: 13, name: 'getpid', args: '', result: '1' },
      { thread: 12, name: 'read', args: '3, "ab", 9', result: '2' },
    ],
  ],
  ['one that does not come back', '12 epoll_wait(3,  <unfinished ...>', [{ name: 'epoll_wait', result: '' }]],
  ['no call', '12 --- SIGKILL {si_signo=SIGKILL} ---\n12 +++ exited with 0 +++\n', []],
])('reads %s', (_, text, expected) => {
  const calls = parseTrace(text);
  expect(calls).toHaveLength(expected.length);
  expect(calls).toMatchObject(expected);
});
