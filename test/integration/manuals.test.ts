// SPDX-License-Identifier: Apache-2.0
/** What the manuals say, held against the files and the programs that they speak of. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  commandLinesOf,
  countWords,
  type Manual,
  parseManual,
  readManuals,
  splitCommands,
  WORKSPACE,
} from './manuals.ts';
import {
  type Call,
  callOf,
  type Help,
  judgeCall,
  namesOf,
  type Program,
  readHelp,
  withAllBelow,
} from './program-help.ts';

const README_WORDS = 1500;
const PROGRAMS: readonly Program[] = ['datastore-app', 'eve-agent'];

describe('the reading of manuals', () => {
  it.each([
    ['npx eve-agent browse --bridge eth0   # who', [['npx', 'eve-agent', 'browse', '--bridge', 'eth0']]],
    ['TOKEN=$(datastore-app token)', [['TOKEN='], ['datastore-app', 'token']]],
    ['a --x "b c" && (cd d; e) | f &', [['a', '--x', 'b c'], ['cd', 'd'], ['e'], ['f']]],
    ['a --service x|y [--json]', [['a', '--service', 'x|y', '[--json]']]],
    ["a -H 'b: c' http://d/#e", [['a', '-H', 'b: c', 'http://d/#e']]],
  ])('%s', (line, commands) => {
    expect(splitCommands(line).map(({ words }) => words)).toEqual(commands);
  });

  it('takes a page apart', () => {
    const text = '# A `b` [c](d.md)\n## E, f!\n## E, f!\n```sh\none \\\n  two\n```\n`x` [y](z.md#e-f)\n';
    const manual = parseManual('a.md', text);
    expect([...manual.anchors]).toEqual(['a-b-c', 'e-f', 'e-f-1']);
    expect(manual.links).toEqual(['d.md', 'z.md#e-f']);
    expect(manual.inlineCode).toEqual(['b', 'x']);
    expect(manual.blocks.map(commandLinesOf)).toEqual([['one two']]);
    expect(countWords(manual.prose)).toBe(12);
    expect(() => parseManual('a.md', '```sh\n')).toThrow('a.md: a fenced block is not closed');
  });
});

describe('the judgement of command lines', () => {
  const empty: Help = { text: '', options: new Map(), commands: new Map() };
  const options = new Map([
    ['--json', false],
    ['-o', true],
    ['--size', true],
  ]);
  const help: Help = { ...empty, commands: new Map([['get', { ...empty, options }]]) };

  it.each([
    ['get http://d/ --json -o f --size=3', undefined],
    ['get [-o -dash] [--json]...', undefined],
    ['--json', '"" has no option "--json"'],
    ['fetch', 'no command "fetch"'],
    ['get --jsn', '"get" has no option "--jsn"'],
    ['get --size', '"get": "--size" lacks its value'],
  ])('%s', (line, problem) => {
    expect(judgeCall(help, line.split(' ')).problem).toBe(problem);
  });

  it.each([
    ['sudo npx eve-agent run', { program: 'eve-agent', args: ['run'] }],
    ['A_B=c datastore-app token', { program: 'datastore-app', args: ['token'] }],
    ['docker exec x node /opt/datastore-app/main.js ca', { program: 'datastore-app', args: ['ca'] }],
    ['docker build --target datastore-app .', undefined],
  ])('%s', (line, call) => {
    expect(callOf(line.split(' '))).toEqual(call);
  });
});

describe('the manuals', () => {
  let manuals: readonly Manual[];
  let helps: Record<Program, Help>;
  beforeAll(async () => {
    manuals = await readManuals();
    const [datastore, agent] = await Promise.all([readHelp('datastore-app'), readHelp('eve-agent')]);
    helps = { 'datastore-app': datastore, 'eve-agent': agent };
  });

  it(`begin with a README of at most ${README_WORDS} words`, () => {
    const readme = manuals.find(({ path }) => path === 'README.md');
    expect(countWords(readme?.prose ?? '')).toBeGreaterThan(0);
    expect(countWords(readme?.prose ?? '')).toBeLessThanOrEqual(README_WORDS);
  });

  /** The path that a relative link leads to from a page; a link within the page leads to the page. */
  const targetOf = (path: string, link: string) => {
    const [file = ''] = link.split('#');
    return file === '' ? path : normalize(join(dirname(path), file));
  };

  it('are all reached from the README', () => {
    const reached = new Set(['README.md']);
    // A set that is gone through yields what is added to it meanwhile.
    for (const path of reached) {
      const links = manuals.find((manual) => manual.path === path)?.links ?? [];
      for (const link of links) reached.add(targetOf(path, link));
    }
    expect(manuals.map(({ path }) => path).filter((path) => !reached.has(path))).toEqual([]);
  });

  it('link to files and headings that are there', () => {
    const isBroken = (path: string, link: string) => {
      const target = targetOf(path, link);
      if (!existsSync(join(WORKSPACE, target))) return true;
      const anchor = link.split('#')[1];
      return anchor !== undefined && !manuals.find((manual) => manual.path === target)?.anchors.has(anchor);
    };
    const broken = manuals.flatMap(({ path, links }) =>
      links
        .filter((link) => !/^https?:/.test(link) && isBroken(path, link))
        .map((link) => `${path}: ${link}`),
    );
    expect(broken).toEqual([]);
  });

  it('name a test for each report of other programs, which names the report', async () => {
    const { path = '', prose = '' } = manuals.find((manual) => manual.path === 'test/README.md') ?? {};
    const rows = prose.split('\n').flatMap((line) => {
      const [, reports = '', , tests = ''] = /^\| ([^|]*#\d+[^|]*) \|([^|]*)\| ([^|]*) \|$/.exec(line) ?? [];
      return reports === '' ? [] : [{ reports, tests }];
    });
    expect(rows.length).toBeGreaterThan(20);
    const missing = await Promise.all(
      rows.map(async ({ reports, tests }) => {
        const links = [...tests.matchAll(/\]\(([^)]+\.test\.ts)\)/g)].map(([, link = '']) => link);
        const contents = await Promise.all(
          links.map((link) => readFile(join(WORKSPACE, targetOf(path, link)), 'utf8')),
        );
        const numbers = reports.match(/#\d+/g) ?? [];
        return numbers.filter(
          (number) => !contents.some((content) => new RegExp(`${number}\\b`).test(content)),
        );
      }),
    );
    expect(missing.flat()).toEqual([]);
  });

  /** The calls of both programs in a command line, those of a synopsis with bars between its commands too. */
  function callsOf(line: string): Call[] {
    let first: Call | undefined;
    return splitCommands(line).flatMap(({ words, followsBar }) => {
      if (!followsBar) first = callOf(words);
      if (first === undefined || first.args.length === 0) return [];
      if (!followsBar) return [first];
      const { program, args } = first;
      // Such as the `images` of `images list | add`; what is no command there is a program that takes the output.
      const group = args.slice(0, 1).filter((word) => helps[program].commands.get(word)?.commands.size);
      const siblings = helps[program].commands.get(group[0] ?? '') ?? helps[program];
      return siblings.commands.has(words[0] ?? '') ? [{ program, args: [...group, ...words] }] : [];
    });
  }

  /** What comes of every command line in the blocks and in the prose. The changelog tells of what was, too. */
  const judged = () =>
    manuals
      .filter(({ path }) => path !== 'CHANGELOG.md')
      .flatMap(({ path, blocks, inlineCode }) =>
        [...blocks.flatMap(commandLinesOf), ...inlineCode]
          .flatMap(callsOf)
          .map(({ program, args }) => ({ path, program, ...judgeCall(helps[program], args) })),
      );

  it('name commands and options that the programs have', () => {
    const wrong = judged().filter(({ problem }) => problem !== undefined);
    expect(wrong.map(({ path, program, problem }) => `${path}: ${program}: ${problem}`)).toEqual([]);
  });

  it.each(PROGRAMS)('name every command of %s', (program) => {
    const calls = judged().filter((call) => call.program === program);
    const named = new Set(calls.map(({ command }) => command));
    const all = namesOf(helps[program]);
    expect(all).not.toEqual([]);
    expect(all.filter((command) => !named.has(command))).toEqual([]);
  });

  it('name options and variables that there are, on the programs’ own pages', () => {
    const everyHelp = Object.values(helps).flatMap(withAllBelow);
    const options = new Set(everyHelp.flatMap((help) => [...help.options.keys()]));
    const variablesIn = (text: string) => text.match(/\b(?:DATASTORE|EVE_AGENT)_[A-Z_]+/g) ?? [];
    const variables = new Set(everyHelp.flatMap(({ text }) => variablesIn(text)));
    const unknown = manuals
      .filter(({ path }) => PROGRAMS.some((program) => path.startsWith(`${program}/`)))
      .flatMap(({ path, prose, inlineCode, blocks }) => {
        const named = inlineCode.flatMap((code) => /^--[a-z0-9-]+/.exec(code) ?? []);
        const used = [prose, ...blocks.map(({ text }) => text)].flatMap(variablesIn);
        const unknownNames = [
          ...named.filter((name) => !options.has(name)),
          ...used.filter((name) => !variables.has(name)),
        ];
        return unknownNames.map((name) => `${path}: ${name}`);
      });
    expect(variables).toContain('DATASTORE_HOST_NAME');
    expect(unknown).toEqual([]);
  });
});
