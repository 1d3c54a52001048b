// SPDX-License-Identifier: Apache-2.0
/** Arguments of any kind: taken as what they are, or refused with the name of a flag. What is taken is judged. */
import { describe, expect, it } from 'vitest';
import { RunArgumentsError } from '../../eve-agent/src/launch/run-args/errors.ts';
import { hostPathsOf, lookUpHostPaths } from '../../eve-agent/src/launch/run-args/host-paths.ts';
import { parseRunArguments, type RunArguments } from '../../eve-agent/src/launch/run-args/parse.ts';
import { findMissingPermissions } from '../../eve-agent/src/launch/run-args/permissions.ts';
import { splitArguments } from '../../eve-agent/src/launch/run-args/split-arguments.ts';
import { RUN_FLAGS } from '../../eve-agent/src/launch/run-args/table.ts';
import { TAKEN, TAKEN_BY_NEWER } from '../interop/run-arguments-cases.ts';
import { someArguments, someFlags } from '../interop/some-arguments.ts';
import { type Random, randomOfThisRun } from '../random.ts';
import { repetitions } from '../soak.ts';

const CASES = repetitions({ short: 4000, long: 100_000 });
const random = randomOfThisRun('run-arguments');

/** What the call returns; null where it refuses in the way that it may. @throws anything else */
function orRefusal<T>(call: () => T): T | null {
  try {
    return call();
  } catch (error) {
    if (error instanceof RunArgumentsError) return null;
    throw error;
  }
}

const someWords = (from: Random): string[] =>
  from.integer(0, 1) === 0
    ? someArguments(from, [...TAKEN, ...TAKEN_BY_NEWER])
    : someFlags(from, RUN_FLAGS, TAKEN);

async function missing(args: RunArguments) {
  const hostPaths = await lookUpHostPaths(args, {
    realpath: async (path) => path,
    allowedHostPaths: [],
    engineSocket: null,
  });
  return findMissingPermissions(args, { allow: new Set(), allowedHostPaths: [] }, hostPaths);
}

/** What in a body to the engine reaches the host or another container, by a reading of its own. */
const REACHING =
  /"Privileged":true|"(?:CapAdd|Devices|DeviceRequests|DeviceCgroupRules|VolumesFrom|Links)":\[[^\]]|"(?:PidMode|UTSMode|UsernsMode|CgroupParent|Runtime)":"[^"]|"IpcMode":"(?:host|shareable|container)|"CgroupnsMode":"host|"NetworkMode":"(?:host"|container:)|"Binds":\[[^\]]*"\/|"Type":"bind"|"MaskedPaths":|"Annotations":\{"|"DriverConfig":\{"(?:Name":"(?!local"})|Options)/;

describe('arguments of deployments', () => {
  it('are taken or refused', async () => {
    let taken = 0;
    let reaching = 0;
    const unjudged: unknown[] = [];
    for (let i = 0; i < CASES; i += 1) {
      const words = someWords(random);
      const args = orRefusal(() => parseRunArguments(words));
      if (args === null) continue;
      taken += 1;
      const needs = await missing(args);
      const text = JSON.stringify(args.container);
      if (REACHING.test(text) || hostPathsOf(args).length > 0) {
        reaching += 1;
        if (needs.length === 0) unjudged.push({ words, text });
      }
      expect(text).not.toContain('io.local-datastore.');
      // A secret of a variable is in no need.
      expect(needs.every(({ flag }) => flag !== '--env')).toBe(true);
    }
    expect(unjudged).toEqual([]);
    expect(taken).toBeGreaterThan(CASES / 20);
    expect(reaching).toBeGreaterThan(0);
  });

  it('are the same words in one text, whatever they hold', () => {
    const quotings = [
      (word: string) => `'${word.replaceAll("'", `'\\''`)}'`,
      (word: string) => `"${word.replace(/[\\"$`]/g, '\\$&')}"`,
      (word: string) =>
        word === '' ? '""' : word.replace(/[^A-Za-z0-9_]/g, (c) => (c === '\n' ? "'\n'" : `\\${c}`)),
    ];
    for (let i = 0; i < CASES; i += 1) {
      const words = someWords(random);
      const text = words
        .map((word) => random.pick(quotings)(word))
        .join(random.pick([' ', '\t', '\n', ' \\\n  ']));
      expect(splitArguments(text)).toEqual(words);
    }
  });

  it('in one text of anything are words or a refusal', () => {
    for (let i = 0; i < CASES; i += 1) {
      const text = Array.from({ length: random.integer(0, 12) }, () =>
        random.pick([...'ab \t\n\'"\\$`é']),
      ).join('');
      const words = orRefusal(() => splitArguments(text));
      if (words !== null) expect(words.join('').length).toBeLessThanOrEqual(text.length);
    }
  });
});
