// SPDX-License-Identifier: Apache-2.0
import { printableText } from '@local-datastore/shared/text/printable-text';

/** A metric with its samples. */
export interface Family {
  readonly name: string;
  readonly type: 'gauge' | 'counter';
  readonly help: string;
  readonly samples: readonly { readonly labels?: Readonly<Record<string, string>>; readonly value: number }[];
}

const MAX_VALUE_CHARACTERS = 100;

/** The value of a label: nothing of it, also where it comes from outside, ends its line or its quotes. */
function valueText(value: string): string {
  const short = [...value].slice(0, MAX_VALUE_CHARACTERS).join('');
  return printableText(short).replaceAll('\\', '\\\\').replaceAll('"', '\\"');
}

const labelsText = (labels: Readonly<Record<string, string>>) =>
  Object.entries(labels)
    .map(([name, value]) => `${name}="${valueText(value)}"`)
    .join(',');

/** Metrics in Prometheus's text format 0.0.4. */
export function familiesText(families: readonly Family[]): string {
  return families
    .map(({ name, type, help, samples }) => {
      const lines = samples.map(
        ({ labels, value }) => `${name}${labels === undefined ? '' : `{${labelsText(labels)}}`} ${value}`,
      );
      return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines, ''].join('\n');
    })
    .join('');
}
