// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { RunFlag, Treatment } from './flags/flag.ts';
import { PERMISSION_NAMES } from './permissions.ts';
import { FLAGS_BY_LETTER, FLAGS_BY_NAME, RUN_FLAGS } from './table.ts';

const MANUAL = readFileSync(new URL('../../../docs/run-arguments.md', import.meta.url), 'utf8');

/** Rows of the tables below a heading of the manual, as they stand there. */
function rowsBelow(heading: string): string[] {
  const [, section = ''] = MANUAL.split(`\n## ${heading}\n`);
  const lines = (section.split('\n## ')[0] ?? '').split('\n');
  return lines.filter((line) => line.startsWith('|')).slice(2);
}

function doneText(treatment: Treatment): string {
  if (treatment.kind !== 'used') return `${treatment.kind}: ${treatment.why}`;
  return treatment.field
    .split(', ')
    .map((field) => `\`${field}\``)
    .join(', ');
}

function rowOf({ name, short, hiddenNames = [], form, treatment }: RunFlag): string {
  const names = [`--${name}`, ...hiddenNames.map((hidden) => `--${hidden}`), ...(short ? [`-${short}`] : [])];
  return `| ${names.join(', ')} | ${form === '' ? '' : `\`${form}\``} | ${doneText(treatment)} |`;
}

describe('the table of all flags', () => {
  it('has each name and each letter once, in the order of the alphabet', () => {
    const names = RUN_FLAGS.flatMap(({ name, hiddenNames = [] }) => [name, ...hiddenNames]);
    expect(FLAGS_BY_NAME.size).toBe(names.length);
    expect(RUN_FLAGS.map(({ name }) => name)).toEqual(RUN_FLAGS.map(({ name }) => name).sort());
    expect(FLAGS_BY_LETTER.size).toBe(RUN_FLAGS.filter(({ short }) => short !== undefined).length);
  });

  it('is in the manual, row by row', () => {
    expect(rowsBelow('All flags')).toEqual(RUN_FLAGS.map(rowOf));
  });

  it('and so are the permissions', () => {
    const named = rowsBelow('Permissions').map((row) => /^\| `([a-z-]+)`/.exec(row)?.[1]);
    expect(named).toEqual([...PERMISSION_NAMES]);
  });
});
