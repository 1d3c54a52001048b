// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { readEnvironment } from './user-data.ts';

const read = (text: string) => readEnvironment(Buffer.from(text).toString('base64'));

describe('the environment of a container', () => {
  it.each<[string, string, [string, string][]]>([
    ['nothing', '', []],
    [
      'lines',
      'A=1\nB=two words',
      [
        ['A', '1'],
        ['B', 'two words'],
      ],
    ],
    ['an empty value', 'A=', [['A', '']]],
    ['an equals sign in a value', 'A=b=c', [['A', 'b=c']]],
    ['the end of the last line', 'A=1\n', [['A', '1']]],
    [
      'lines of Windows',
      'A=1\r\nB=2\r\n',
      [
        ['A', '1'],
        ['B', '2'],
      ],
    ],
    ['comments and blank lines', '# a\n\nA=1\n', [['A', '1']]],
    ['quotes, which stay as EVE leaves them', 'A="1"', [['A', '"1"']]],
    ['a name twice: the last counts', 'A=1\nA=2', [['A', '2']]],
    ['names that are none of a shell', 'a.b-c=1', [['a.b-c', '1']]],
    [
      'a cloud-config',
      '#cloud-config\nruncmd:\n  - A=1\n  - export B="two words"\n',
      [
        ['A', '1'],
        ['B', 'two words'],
      ],
    ],
    ['a cloud-config with commands as lists', '#cloud-config\nruncmd:\n  - [export, A=1]\n', [['A', '1']]],
    ['an empty cloud-config', '#cloud-config\n', []],
  ])('%s', (_name, text, variables) => {
    expect(read(text)).toMatchObject({ isUsable: true, variables });
  });

  it.each<[string, string, RegExp]>([
    ['a line without its name', 'A=1\n=2', /^line 2 is no KEY=value$/],
    ['a line that is no assignment', 'secret word', /^line 1 is no KEY=value$/],
    ['bytes that are no text', 'A=1\0', /no text/],
    ['a cloud-config that is no YAML', '#cloud-config\nruncmd: [secret', /cannot be read/],
    ['a cloud-config without a list', '#cloud-config\nruncmd: secret', /no list of commands/],
  ])('%s is refused, and quoted nowhere', (_name, text, why) => {
    const environment = read(text);
    expect(environment).toEqual({ isUsable: false, problem: expect.stringMatching(why) });
    expect(JSON.stringify(environment)).not.toContain('secret');
  });

  it('tells what of a cloud-config nothing is done with', () => {
    const environment = read('#cloud-config\nruncmd:\n  - reboot\n  - A=1\nwrite_files: []\n');
    expect(environment.isUsable && environment.warnings).toEqual([
      '1 of the commands in runcmd are no assignments: nothing runs them in a container',
      'write_files of the cloud-config: nothing is done by it in a container',
    ]);
  });
});
