// SPDX-License-Identifier: Apache-2.0
/**
 * One operation of the switch, in a process of its own that can be killed: `run-switch.ts OPTIONS-JSON`. Prints a JSON
 * line before each step, and one with what came of it.
 */
import { writeSync } from 'node:fs';
import { openContainerEngine } from '../../../eve-agent/src/launch/engine/open-container-engine.ts';
import { findPortRule } from '../../../eve-agent/src/launch/switch/find-port-rule.ts';
import { type RunTool, runTool } from '../../../eve-agent/src/launch/switch/packet-filter-tool.ts';
import { systemProbes } from '../../../eve-agent/src/launch/switch/probe.ts';
import { createSwitch } from '../../../eve-agent/src/launch/switch/switch.ts';
import { createEngineClient } from '../../../shared/src/engine/engine-client.ts';
import { silentLog } from '../../../shared/src/log.ts';
import { systemClock } from '../../../shared/src/system-clock.ts';
import type { SwitchRun } from './switch-host.ts';

const run: SwitchRun = JSON.parse(process.argv[2] ?? '');
const say = (line: object) => void writeSync(1, `${JSON.stringify(line)}\n`);
const killNow = () => process.kill(process.pid, 'SIGKILL');

let tools = 0;
/** Of the packet filter only what changes it counts. */
const countingTool: RunTool = async (program, args, ...rest) => {
  const isChange = args.includes('-I') || args.includes('-D') || args.includes('--file');
  if (isChange) {
    tools += 1;
    if (tools === run.killBeforeTool) killNow();
  }
  return await runTool(program, args, ...rest);
};
let steps = 0;
function onStep(step: string): void {
  steps += 1;
  say({ step });
  if (steps === run.killBeforeStep) killNow();
}

const { signal } = new AbortController();
const portRule = run.withoutRule ? null : await findPortRule(signal, countingTool);
const versions = createSwitch(
  {
    engine: openContainerEngine(createEngineClient({ kind: 'unix', path: run.socket })),
    ...{
      portRule,
      probes: systemProbes,
      clock: systemClock,
      wallMs: Date.now,
      log: silentLog,
      ending: signal,
    },
  },
  { prefix: run.prefix, engineWaitMs: 60_000, drainMs: run.drainMs ?? 500 },
);
const { action } = run;
switch (action.kind) {
  case 'deploy':
    say({ outcome: await versions.deploy(action.version, onStep, signal) });
    break;
  case 'rollback':
  case 'start':
  case 'restart':
    say({ outcome: await versions[action.kind]({ settleMs: 300, keep: 2, ...action }, onStep, signal) });
    break;
  case 'stop':
  case 'remove':
    say({ outcome: await versions[action.kind](action.name, onStep, signal) });
    break;
  case 'converge':
    say({ outcome: Object.fromEntries(await versions.convergeAll(signal)) });
}
