// SPDX-License-Identifier: Apache-2.0
/**
 * Arguments of deployments against Docker's own command: what it sends to an engine for `docker run -d -it ARGS`, which
 * is what ed-daemon starts, and what ours makes of them, field by field.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RunArgumentsError } from '../../eve-agent/src/launch/run-args/errors.ts';
import { hostPathsOf } from '../../eve-agent/src/launch/run-args/host-paths.ts';
import { parseRunArguments } from '../../eve-agent/src/launch/run-args/parse.ts';
import { RUN_FLAGS } from '../../eve-agent/src/launch/run-args/table.ts';
import { toContainerSpec } from '../../eve-agent/src/launch/run-args/to-container-spec.ts';
import { type RecordingEngine, startRecordingEngine } from '../lab/recording-engine.ts';
import { mustRunProgram, runProgram } from '../lab/run-program.ts';
import { randomOfThisRun } from '../random.ts';
import { describeWith } from '../requirements.ts';
import { repetitions } from '../soak.ts';
import { normalizeContainer } from './run-arguments.ts';
import { TAKEN, TAKEN_BY_NEWER } from './run-arguments-cases.ts';
import { someArguments, someFlags } from './some-arguments.ts';

const IMAGE = 'ed_website:latest';

/** Debian's command, and the first of the search path, which may be a newer one. */
const DOCKER_COMMANDS = ['/usr/bin/docker', 'docker']
  .flatMap((program) => {
    try {
      const version = /version (\d+)[^,]*/.exec(execFileSync(program, ['--version'], { encoding: 'utf8' }));
      const isNewer = Number(version?.[1]) >= 28;
      return [{ program, version: version?.[0] ?? '', isNewer, api: isNewer ? '1.48' : '1.41' }];
    } catch {
      return [];
    }
  })
  .filter(({ version }, i, all) => all.findIndex((other) => other.version === version) === i);

const FUZZED = repetitions({ short: 60, long: 1500 });
const AT_ONCE = 2;
const folder = mkdtempSync(join(tmpdir(), 'run-arguments-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What ours makes of arguments; paths are taken as if none had a link. */
function ownContainer(args: readonly string[]): Record<string, unknown> {
  const parsed = parseRunArguments(args);
  const real = new Map(hostPathsOf(parsed).map((path) => [path, path]));
  const sources = {
    hostPaths: { real, engineSockets: [] },
    files: { env: [], labels: [], securityOptions: [] },
  };
  return normalizeContainer({ ...toContainerSpec(parsed, IMAGE, sources) });
}

/** Where the image stands among the words, the command has its name. */
const withImage = (args: readonly string[]) => {
  const at = args.indexOf('IMAGE');
  return at === -1 ? [...args, IMAGE] : [...args.slice(0, at), IMAGE, ...args.slice(at + 1)];
};

describeWith(['dockerd'], "arguments of a deployment mean what they mean to docker's command", () => {
  describe.each(DOCKER_COMMANDS)('$version', ({ program, api, isNewer }) => {
    const cases = isNewer ? [...TAKEN, ...TAKEN_BY_NEWER] : TAKEN;
    let engine: RecordingEngine;
    let count = 0;
    beforeAll(async () => {
      engine = await startRecordingEngine(join(folder, `${api}.sock`), api);
    });
    afterAll(() => engine.stop());

    /** What the command sends; a text where it refuses. */
    async function sentContainer(args: readonly string[]): Promise<Record<string, unknown> | string> {
      count += 1;
      const name = `made-${count}`;
      // A name before: what comes later may be a command already.
      const words = ['--host', engine.host, 'run', '--name', name, '-d', '-it', ...withImage(args)];
      const { exitCode, stderr } = await runProgram([program, ...words], {
        DOCKER_CONFIG: folder,
        HOME: folder,
      });
      const request = engine.take(name) ?? engine.take('website');
      return request === undefined ? `${exitCode}: ${stderr}` : normalizeContainer(request.body);
    }

    it.each(cases.map((args) => ({ args })))('$args', async ({ args }) => {
      expect(ownContainer(args)).toEqual(await sentContainer(args));
    });

    it('and so do any that are taken', async () => {
      const random = randomOfThisRun('run-arguments');
      let taken = 0;
      const different: unknown[] = [];
      const tryOne = async () => {
        const args =
          random.integer(0, 1) === 0 ? someArguments(random, cases) : someFlags(random, RUN_FLAGS, cases);
        let own: Record<string, unknown>;
        try {
          own = ownContainer(args);
        } catch (error) {
          if (error instanceof RunArgumentsError) return;
          throw new Error(`${JSON.stringify(args)}: ${String(error)}`, { cause: error });
        }
        taken += 1;
        // Kept apart by the name that stands before them.
        if (args.some((word) => word.startsWith('--name'))) return;
        const sent = await sentContainer(args);
        // It knows fewer forms.
        if (typeof sent === 'string' && !isNewer) return;
        if (!isDeepStrictEqual(sent, own)) different.push({ args, sent, own });
      };
      for (let done = 0; done < FUZZED; done += AT_ONCE) {
        await Promise.all(Array.from({ length: AT_ONCE }, tryOne));
      }
      expect(different).toEqual([]);
      expect(taken).toBeGreaterThan(FUZZED / 10);
    });

    it('has the flags of its help, with the same letters, and as many of them take a value', async () => {
      const help = await mustRunProgram([program, 'run', '--help'], { DOCKER_CONFIG: folder });
      const flags = [...help.matchAll(/^ {2,6}(?:-(\w), {1}| {4})--([a-z0-9-]+)(?: ([a-z0-9-]+))? {2,}/gm)];
      const known = new Map(RUN_FLAGS.map((flag) => [flag.name, flag]));
      expect(flags.length).toBeGreaterThan(90);
      for (const [, letter, name = '', form] of flags) {
        const { short, isSwitch } = known.get(name) ?? {};
        expect({ name, letter: short, isSwitch }).toEqual({ name, letter, isSwitch: form === undefined });
      }
    });
  });
});
