// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { RunArgumentsError } from './errors.ts';
import { splitArguments } from './split-arguments.ts';

describe('the words of one text', () => {
  it.each<[string, string[]]>([
    ['', []],
    [' \t\n ', []],
    ['-p 80:80', ['-p', '80:80']],
    ['  -p\t80:80\n-v /a:/b  ', ['-p', '80:80', '-v', '/a:/b']],
    ["-e 'A=b c'", ['-e', 'A=b c']],
    ['-e "A=b c"', ['-e', 'A=b c']],
    ['-e A="b c"\'d e\'f', ['-e', 'A=b cd ef']],
    ["''", ['']],
    ['""', ['']],
    [`-e "" ''x`, ['-e', '', 'x']],
    ['a\\ b', ['a b']],
    ['a\\\nb', ['ab']],
    ['a \\\n b', ['a', 'b']],
    ['\\\n', []],
    ['""\\\n', ['']],
    ['\\"a\\" \\\\ \\$', ['"a"', '\\', '$']],
    ['"\\"a\\" \\\\ \\$ \\` \\x"', ['"a" \\ $ ` \\x']],
    ['"a\\\nb"', ['ab']],
    ["'a\\' b'c'", ['a\\', 'bc']],
    ['\'"\' "\'"', ['"', "'"]],
    ['$HOME `id` $(id) ~ * ; | & < > # {a,b} !x', '$HOME `id` $(id) ~ * ; | & < > # {a,b} !x'.split(' ')],
    ['"$HOME `id`"', ['$HOME `id`']],
    ['a\rb', ['a\rb']],
    ['é "ü ß"', ['é', 'ü ß']],
  ])('of %j are %j', (text, words) => {
    expect(splitArguments(text)).toEqual(words);
  });

  it.each([
    ["-e 'A", "a quote ' is not closed"],
    ['-e "A', 'a quote " is not closed'],
    ['"a\\"', 'a quote " is not closed'],
    ['a\\', 'nothing stands behind the last backslash'],
    ['a\0b', 'hold a byte 0'],
    ['\ud800', 'no character of Unicode'],
    ['x'.repeat(200_000), 'longer than 131072 bytes'],
    ['é'.repeat(70_000), 'longer than 131072 bytes'],
  ])('cannot be told from %j', (text, why) => {
    expect(() => splitArguments(text)).toThrow(RunArgumentsError);
    expect(() => splitArguments(text)).toThrow(why);
  });
});
