// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';
import { CALF_USERS, type CalfCode } from '@local-datastore/shared/confinement/launcher/calf';
import type { LayerPlan } from '@local-datastore/shared/confinement/launcher/layer-plan';
import {
  type ProcessStatus,
  processStatus,
} from '@local-datastore/shared/confinement/launcher/process-status';
import { planHere, spawnCalf } from '@local-datastore/shared/confinement/launcher/spawn-calf';
import { ConfigurationError, errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import type { FileParser } from '../../parsing/file-parser.ts';
import { ownParser } from '../../parsing/run-task.ts';
import { findCalf } from '../calves/find-calf.ts';
import { type ConfinedParser, createConfinedParser } from './confined-parser.ts';

/** Where files are parsed, and what keeps whoever does it from anything else. */
export interface ParsingStatus {
  /** `starting`: it is not known yet whether this host lets a process be confined. */
  readonly place: 'own process' | 'confined process' | 'starting';
  /** Why it is this process; null: it is not. */
  readonly reason: string | null;
  /** null: there is none, also while there is nothing to parse. */
  readonly process: ProcessStatus | null;
}

export interface OpenParser {
  readonly parser: FileParser;
  status(): ParsingStatus;
  stop(): Promise<void>;
}

export interface OpenParserDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** Default: where this program has it. */
  readonly code?: CalfCode;
  /** Default: what this process can give. */
  readonly plan?: LayerPlan;
}

export const PARSERS = 'parsers';
/** Node needs 70 MB of it; and of eight files at a time, each may unpack to 32 MB before it is told what it is. */
const LIMITS = { memoryBytes: 768 * 1024 * 1024, openFiles: 64, workers: 0 };

/** Parses in the process that runs. @param reason why, as a clause */
export const openOwnParser = (reason: string): OpenParser => ({
  parser: ownParser,
  status: () => ({ place: 'own process', reason, process: null }),
  stop: async () => {},
});

/** What this process can give; a string: nothing, for this reason. */
function planOf({ plan }: OpenParserDeps): LayerPlan | string {
  try {
    return plan ?? planHere();
  } catch (error) {
    return errorMessage(error);
  }
}

function createParser({ clock, log, code }: OpenParserDeps, plan: LayerPlan): ConfinedParser {
  return createConfinedParser({
    clock,
    log,
    start: () =>
      spawnCalf(
        { name: PARSERS, code: code ?? findCalf(PARSERS), limits: LIMITS, user: CALF_USERS.parsers },
        {
          clock,
          plan,
          onOutput: (line) => log.warn({ process: PARSERS, line }, 'a process of the datastore wrote'),
        },
      ),
  });
}

function tellMissing(log: Log, { missing }: LayerPlan): void {
  if (missing.length > 0)
    log.info({ process: PARSERS, missing }, 'a process of the datastore has not all layers');
}

function statusOf(confined: ConfinedParser, plan: LayerPlan): ParsingStatus {
  const kept = confined.kept();
  const process_ = kept && { ...processStatus(PARSERS, kept, plan), restarts: confined.restarts() };
  return { place: 'confined process', reason: null, process: process_ };
}

/**
 * Parses in a process with all layers that this host gives, which runs while there is something to parse. Where none can
 * be started, files are parsed in the process that runs. Nobody has to wait for it: what is to be parsed waits by itself.
 */
export function openConfinedParser(deps: OpenParserDeps): OpenParser {
  const { log } = deps;
  const fallBack = (reason: string): OpenParser => {
    log.warn({ reason }, 'files are parsed in the process of the datastore itself');
    return openOwnParser(reason);
  };
  const plan = planOf(deps);
  if (typeof plan === 'string') return fallBack(plan);
  const confined = createParser(deps, plan);
  let isKnown = false;
  let own: OpenParser | undefined;
  const decided = confined.began.then(async (reason) => {
    isKnown = true;
    if (reason === null) {
      tellMissing(log, plan);
      return;
    }
    own = fallBack(reason);
    await confined.stop();
  });
  return {
    parser: {
      async parse(task, file, signal) {
        if (!isKnown) {
          confined.begin();
          await decided;
        }
        return (own?.parser ?? confined).parse(task, file, signal);
      },
    },
    status() {
      if (own !== undefined) return own.status();
      const status = statusOf(confined, plan);
      return isKnown || status.process === null ? status : { ...status, place: 'starting' };
    },
    stop: () => confined.stop(),
  };
}

/**
 * As {@link openConfinedParser}, but in such a process or not at all.
 *
 * @throws ConfigurationError where none can be started
 */
export async function requireConfinedParser(deps: OpenParserDeps): Promise<OpenParser> {
  const refuse = (reason: string): never => {
    throw new ConfigurationError(
      `--parsing confined: no process without rights can be had here: ${reason}. Without --parsing, files are parsed in the process of the datastore then.`,
    );
  };
  const plan = planOf(deps);
  if (typeof plan === 'string') return refuse(plan);
  const confined = createParser(deps, plan);
  confined.begin();
  const reason = await confined.began;
  if (reason !== null) {
    await confined.stop();
    refuse(reason);
  }
  tellMissing(deps.log, plan);
  return { parser: confined, status: () => statusOf(confined, plan), stop: () => confined.stop() };
}
