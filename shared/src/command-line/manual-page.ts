// SPDX-License-Identifier: Apache-2.0
import { type DescribedCommand, withCommandsBelow } from './command-table.ts';
import { exitCodesText } from './exit-codes.ts';
import type { HelpSections } from './help-sections.ts';

/** A section that is the program's own. */
export interface ManualSection {
  readonly heading: string;
  readonly paragraphs?: readonly string[];
  /** Terms and what they mean. */
  readonly terms?: readonly (readonly [term: string, text: string])[];
}

export interface ManualTexts extends HelpSections {
  readonly sections: readonly ManualSection[];
}

/** Text as roff takes it for text: no request at a line's beginning, ASCII alone, hyphens that can be copied. */
function roff(text: string): string {
  const escaped = text
    .replaceAll('\\', String.raw`\e`)
    .replaceAll('-', String.raw`\-`)
    .replace(/[^\x20-\x7e\n]/gu, (character) => {
      const hex = character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0');
      return String.raw`\[u${hex}]`;
    });
  return escaped.replace(/^(?=[.'])/gm, String.raw`\&`);
}

/** An argument of a request, which quotes end. */
const argument = (text: string): string => `"${roff(text).replaceAll('"', String.raw`\(dq`)}"`;

const term = (name: string, text: string): string[] => ['.TP', `.B ${argument(name)}`, roff(text)];

function synopsisOf({ path, options, commands, arguments: taken }: DescribedCommand): string {
  const words = [
    ...(options.length > 0 ? ['[options]'] : []),
    ...(commands.length > 0 ? ['command'] : []),
    ...taken.map((each) => each.term),
  ];
  return [path.join(' '), ...words].join(' ');
}

function commandSection(command: DescribedCommand): string[] {
  return [
    `.SS ${argument(synopsisOf(command))}`,
    roff(command.description),
    ...command.arguments.flatMap(({ term: name, description }) =>
      description === '' ? [] : term(name, description),
    ),
    ...command.options.flatMap(({ flags, fullDescription }) => term(flags, fullDescription)),
  ];
}

function ownSection({ heading, paragraphs = [], terms = [] }: ManualSection): string[] {
  return [
    `.SH ${argument(heading)}`,
    ...paragraphs.flatMap((text, i) => (i === 0 ? [roff(text)] : ['.PP', roff(text)])),
    ...terms.flatMap(([name, text]) => term(name, text)),
  ];
}

/** The manual page (section 1) of a program, for man(1): made from its commands, so that none is forgotten. */
export function manualPage(program: DescribedCommand, { examples, sources, sections }: ManualTexts): string {
  const [name = ''] = program.path;
  const [, ...below] = withCommandsBelow(program);
  const lines = [
    `.TH ${argument(name.toUpperCase())} 1 "" "local\\-datastore" "User Commands"`,
    '.SH NAME',
    `${roff(name)} \\- ${roff(program.summary.replace(/\.$/, ''))}`,
    '.SH SYNOPSIS',
    `.B ${argument(name)}`,
    '.I command',
    '[options]',
    '.SH DESCRIPTION',
    roff(program.description),
    '.PP',
    roff(sources),
    '.SH COMMANDS',
    ...below.filter(({ commands }) => commands.length === 0).flatMap(commandSection),
    '.SH EXAMPLES',
    ...Object.values(examples)
      .flat()
      .flatMap(({ line, does }) => ['.TP', roff(`${does}:`), `.B ${argument(line)}`]),
    ...sections.flatMap(ownSection),
    '.SH "EXIT STATUS"',
    roff(exitCodesText()),
  ];
  return `${lines.join('\n')}\n`;
}
