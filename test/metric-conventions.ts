// SPDX-License-Identifier: Apache-2.0
/** What Prometheus asks of names and help (https://prometheus.io/docs/practices/naming/), of a scrape as text. */
export interface MetricFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
}

/** The families of Prometheus's text format 0.0.4. */
export function readFamilies(text: string): MetricFamily[] {
  const help = new Map([...text.matchAll(/^# HELP (\S+) (.*)$/gm)].map(([, name, words]) => [name, words]));
  return [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => ({
    ...{ name, type, help: help.get(name) ?? '' },
  }));
}

/** Units that are not base units, and what to use. */
const OTHER_UNITS: Readonly<Record<string, string>> = {
  ms: 'seconds',
  milliseconds: 'seconds',
  microseconds: 'seconds',
  minutes: 'seconds',
  hours: 'seconds',
  days: 'seconds',
  kb: 'bytes',
  kilobytes: 'bytes',
  mb: 'bytes',
  megabytes: 'bytes',
  percent: 'ratio',
};
const BASE_UNITS = new Set(Object.values(OTHER_UNITS));

/** What every program tells of itself. */
const REQUIRED = ['process_cpu_seconds_total', 'process_start_time_seconds', 'process_resident_memory_bytes'];

function lintFamily({ name, type, help }: MetricFamily): string[] {
  const problems: string[] = [];
  const words = name.replace(/_total$/, '').split('_');
  if (!/^[a-z][a-z\d]*(?:_[a-z\d]+)+$/.test(name))
    problems.push('is not written in snake case with a prefix');
  if (!/^\S.*\.$/.test(help)) problems.push('has no sentence of help');
  if (type === 'counter' && !name.endsWith('_total'))
    problems.push('is a counter and does not end in _total');
  if (type !== 'counter' && name.endsWith('_total')) problems.push(`is a ${type} and ends in _total`);
  if (/_info$/.test(name) && type !== 'gauge') problems.push('tells facts and is no gauge');
  for (const word of words) {
    const unit = OTHER_UNITS[word];
    if (unit !== undefined) problems.push(`has the unit ${word}: ${unit} expected`);
    if (['counter', 'gauge', 'histogram', 'summary'].includes(word))
      problems.push('has its type in its name');
  }
  const unitAt = words.findIndex((word) => BASE_UNITS.has(word));
  if (unitAt !== -1 && unitAt !== words.length - 1)
    problems.push(`has its unit ${words[unitAt]} not at the end`);
  return problems.map((problem) => `${name} ${problem}`);
}

/**
 * Where a scrape does not keep to the conventions.
 *
 * @param prefix of the program's own metrics, such as `datastore`
 */
export function lintMetrics(text: string, prefix: string): string[] {
  const families = readFamilies(text);
  const names = new Set(families.map(({ name }) => name));
  const missing = [`${prefix}_build_info`, ...REQUIRED].filter((name) => !names.has(name));
  const twice = families.map(({ name }) => name).filter((name, i, all) => all.indexOf(name) !== i);
  return [
    ...missing.map((name) => `${name} is missing`),
    ...twice.map((name) => `${name} is told twice`),
    ...families.flatMap(lintFamily),
  ];
}
