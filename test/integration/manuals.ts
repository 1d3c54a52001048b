// SPDX-License-Identifier: Apache-2.0
/** The manuals of the workspace, as what a test compares them with the programs: prose, links, command lines. */
import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createHeadingAnchors } from '@local-datastore/shared/web/manual/heading-anchors';

export const WORKSPACE = fileURLToPath(new URL('../..', import.meta.url));

/** A fenced block of code. */
export interface CodeBlock {
  /** Such as `sh`, `console` or `json`; empty: none is named. */
  readonly language: string;
  readonly text: string;
  /** The heading that it stands below, without its marks. */
  readonly heading: string;
  /** Of its page, counted from 1: where its fence opens. */
  readonly line: number;
}

export interface Manual {
  /** Below the workspace, such as `eve-agent/README.md`. */
  readonly path: string;
  /** All but the fenced blocks. */
  readonly prose: string;
  readonly blocks: readonly CodeBlock[];
  /** What stands between single backticks in the prose. */
  readonly inlineCode: readonly string[];
  /** The targets of its links and pictures, as they are written. */
  readonly links: readonly string[];
  /** The anchors that its headings make, as GitHub names them. */
  readonly anchors: ReadonlySet<string>;
}

const HEADING = /^#{1,6} +(.+)$/;

function anchorsOf(headings: readonly string[]): Set<string> {
  const anchorOf = createHeadingAnchors();
  return new Set(headings.map((heading) => anchorOf(heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1'))));
}

/**
 * Takes a page of Markdown apart.
 *
 * @param path where it stands below the workspace
 * @throws Error where a fenced block is not closed
 */
export function parseManual(path: string, text: string): Manual {
  const prose: string[] = [];
  const headings: string[] = [];
  const blocks: CodeBlock[] = [];
  let open: { language: string; lines: string[]; line: number } | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    const fence = /^\s*```(.*)$/.exec(line);
    if (fence !== null && open === undefined) {
      open = { language: fence[1]?.trim() ?? '', lines: [], line: index + 1 };
    } else if (fence !== null && open !== undefined) {
      blocks.push({
        language: open.language,
        text: open.lines.join('\n'),
        heading: headings.at(-1) ?? '',
        line: open.line,
      });
      open = undefined;
    } else if (open !== undefined) {
      open.lines.push(line);
    } else {
      prose.push(line);
      const heading = HEADING.exec(line)?.[1];
      if (heading !== undefined) headings.push(heading);
    }
  }
  if (open !== undefined) throw new Error(`${path}: a fenced block is not closed`);
  const written = prose.join('\n');
  return {
    path,
    prose: written,
    blocks,
    inlineCode: [...written.matchAll(/(?<!`)`([^`]+)`(?!`)/g)].map(([, code = '']) => code),
    links: [...written.replace(/(?<!`)`[^`]+`(?!`)/g, '').matchAll(/\]\(([^)\s]+)\)/g)].map(
      ([, target = '']) => target,
    ),
    anchors: anchorsOf(headings),
  };
}

/** All pages of Markdown of the workspace, in the order of their paths. */
export function readManuals(): Promise<Manual[]> {
  const paths = globSync('**/*.md', {
    cwd: WORKSPACE,
    exclude: (name) => name === 'node_modules' || name === 'dist',
  });
  return Promise.all(
    paths.sort().map(async (path) => parseManual(path, await readFile(join(WORKSPACE, path), 'utf8'))),
  );
}

/** How many words a text has, as `wc -w` counts them. */
export const countWords = (text: string): number => text.split(/\s+/).filter(Boolean).length;

/**
 * The command lines of a block: every line of `sh`, and of `console` what follows a prompt; what a backslash
 * continues is one line.
 */
export function commandLinesOf({ language, text }: CodeBlock): string[] {
  const lines = text.replace(/\s*\\\n\s*/g, ' ').split('\n');
  if (language === 'sh') return lines.filter((line) => line.trim() !== '');
  if (language !== 'console') return [];
  return lines.filter((line) => line.startsWith('$ ')).map((line) => line.slice(2));
}

/** A word, with quotes in it or a bar between choices, or an operator. */
const TOKEN = /((?:"(?:\\.|[^"])*"|'[^']*'|[^\s"'|&;()]|(?<=\S)\|(?=\S))+)|(\|\||&&|[|&;()])/g;

/** One command of a command line. */
export interface SimpleCommand {
  /** The program and its arguments, without quotes. */
  readonly words: readonly string[];
  /** Whether a bar stands before it: a pipe, or the next choice of a synopsis. */
  readonly followsBar: boolean;
}

/** The simple commands of a command line, those of unquoted substitutions among them; comments are left out. */
export function splitCommands(line: string): SimpleCommand[] {
  const commands: { words: string[]; followsBar: boolean }[] = [{ words: [], followsBar: false }];
  const code = line.replace(/(?:^|\s)#.*$/, '').replaceAll('$(', ' ( ');
  for (const [, word, operator] of code.matchAll(TOKEN)) {
    if (operator !== undefined) commands.push({ words: [], followsBar: operator === '|' });
    else if (word !== undefined) commands.at(-1)?.words.push(word.replaceAll(/["']/g, ''));
  }
  return commands.filter(({ words }) => words.length > 0);
}
