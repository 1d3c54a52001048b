// SPDX-License-Identifier: Apache-2.0
/** Texts and settings of any kind: taken as what they say, or refused with a sentence. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { SERVE_OPTIONS } from '../../datastore-app/src/config.ts';
import { parseImageUrl } from '../../eve-agent/src/discovery/locate.ts';
import { byteSize } from '../../shared/src/command-line/byte-size.ts';
import { addOptions, applyConfigurationFile, wholeNumber } from '../../shared/src/command-line/options.ts';
import { parseSha256 } from '../../shared/src/digest/sha256.ts';
import { isHostName, parseHostLabel } from '../../shared/src/dns-sd/host-name.ts';
import { CodedError, ConfigurationError } from '../../shared/src/errors.ts';
import { type Random, randomOfThisRun } from '../random.ts';
import { repetitions } from '../soak.ts';

const CASES = repetitions({ short: 4000, long: 20_000 });
const FILES = repetitions({ short: 400, long: 2000 });
const folder = mkdtempSync(join(tmpdir(), 'options-'));
afterAll(() => rmSync(folder, { recursive: true }));

const TEXTS = [
  '',
  '0',
  '80',
  '65536',
  '1e3',
  '0x50',
  '-1',
  '20G',
  '512 MiB',
  '5X',
  'ds',
  'ds.local',
  '*',
  'http://ds.local/x',
];
const MORE = [
  'a'.repeat(64),
  'sha256:',
  'é',
  '\u0000',
  '\u001b[2J',
  ' ',
  '\n',
  '..',
  '/',
  '127.0.0.1',
  'ftp://x',
  '[::1]',
  '@',
  '%',
];

function someText(random: Random): string {
  return Array.from({ length: random.integer(1, 3) }, () => random.pick([...TEXTS, ...MORE])).join('');
}

/** What the call returns; null where it refuses in the way that it may. @throws anything else */
function resultOrNull<T>(call: () => T): T | null {
  try {
    return call();
  } catch (error) {
    if (error instanceof CodedError && error.message !== '') return null;
    throw error;
  }
}

describe('a text', () => {
  const random = randomOfThisRun('options');

  it('is what it says, or refused with a sentence', () => {
    const port = wholeNumber(0, 65535);
    let taken = 0;
    for (let count = 0; count < CASES; count += 1) {
      const text = someText(random);
      const size = byteSize().safeParse(text);
      if (size.success) expect(size.data).toBeGreaterThanOrEqual(Number.parseInt(text, 10));
      const number = port.safeParse(text);
      if (number.success) expect(String(number.data)).toBe(text.replace(/^0+(?=\d)/, ''));
      const digest = resultOrNull(() => parseSha256(text));
      if (digest !== null) expect(digest).toMatch(/^[0-9a-f]{64}$/);
      const label = resultOrNull(() => parseHostLabel(text));
      if (label !== null) expect([isHostName(`${label}.local`), label.includes('.')]).toEqual([true, false]);
      const url = resultOrNull(() => parseImageUrl(text));
      if (url !== null)
        expect([url.protocol, url.username]).toEqual([expect.stringMatching(/^https?:$/), '']);
      if (size.success || number.success || digest !== null || label !== null || url !== null) taken += 1;
    }
    expect(taken).toBeGreaterThan(0);
  });
});

describe('a configuration file', () => {
  const random = randomOfThisRun('configuration files');
  const keys = SERVE_OPTIONS.map(({ flags }) => /--([a-z-]+)/.exec(flags)?.[1] ?? '');

  const someValue = (depth = 0): unknown => {
    const make = random.pick<() => unknown>([
      () => someText(random),
      () => random.pick([0, 1, -1, 1.5, 80, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY]),
      () => random.pick([true, false, null]),
      () => (depth > 2 ? 'deep' : Array.from({ length: random.integer(0, 3) }, () => someValue(depth + 1))),
      () =>
        depth > 2 ? 'deep' : { [random.pick([...keys, 'toString', '__proto__'])]: someValue(depth + 1) },
    ]);
    return make();
  };

  function someFile(): string {
    const settings = Object.fromEntries(
      Array.from({ length: random.integer(0, 3) }, () => [
        random.pick([...keys, ...keys, 'toString', '__proto__', 'constructor', 'help']),
        someValue(),
      ]),
    );
    const text = stringify(settings);
    if (random.next() < 0.8) return text;
    const at = random.integer(0, text.length);
    return (
      text.slice(0, at) +
      random.pick(['\t', ': ', '- ', '&a *a', '!!js/x', '{', '"', '\u0000', '%']) +
      text.slice(at)
    );
  }

  it('is taken, or refused with its name and why', () => {
    const file = join(folder, 'settings.yaml');
    const outcomes = { taken: 0, refused: 0 };
    for (let count = 0; count < FILES; count += 1) {
      const text = someFile();
      writeFileSync(file, text);
      const command = addOptions(new Command('serve'), SERVE_OPTIONS);
      try {
        applyConfigurationFile(command, SERVE_OPTIONS, file);
        outcomes.taken += 1;
      } catch (error) {
        expect(error, text).toBeInstanceOf(ConfigurationError);
        expect((error as Error).message, text).toContain(file);
        outcomes.refused += 1;
      }
    }
    process.stderr.write(`configuration files: ${JSON.stringify(outcomes)}\n`);
    expect(outcomes.taken).toBeGreaterThan(0);
    expect(outcomes.refused).toBeGreaterThan(0);
  });
});
