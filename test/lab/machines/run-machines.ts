// SPDX-License-Identifier: Apache-2.0
/**
 * An engine of machines in a process of its own that can be killed: `run-machines.ts OPTIONS-JSON`. Takes a call a line
 * on its standard input, and prints what came of it: `{id, result}` or `{id, error}`.
 */
import { readFileSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { findQemu } from '../../../eve-agent/src/launch/machines/find-qemu.ts';
import { openMachineEngine } from '../../../eve-agent/src/launch/machines/open-machine-engine.ts';
import { systemProbes } from '../../../eve-agent/src/launch/switch/probe.ts';
import { createSwitch } from '../../../eve-agent/src/launch/switch/switch.ts';
import { EngineError } from '../../../shared/src/engine/engine-client.ts';
import { createLog } from '../../../shared/src/log.ts';
import { systemClock } from '../../../shared/src/system-clock.ts';
import type { MachineCall, MachinesRun } from './machine-host.ts';

const run: MachinesRun = JSON.parse(process.argv[2] ?? '');
const log = createLog('machines', run.isLoud ? 'debug' : 'info');
const stop = new AbortController();
const { signal } = stop;
async function findQemuHere(until: AbortSignal) {
  const qemu = await findQemu(until);
  return qemu === null || run.doorman === undefined ? qemu : { ...qemu, path: run.doorman };
}
const engine = await openMachineEngine({
  ...{ folder: run.folder, log, clock: systemClock, wallMs: Date.now, firstUser: run.firstUser },
  bootId: run.bootId ?? readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
  portRule: null,
  findQemu: run.hasQemu ? findQemuHere : async () => null,
});
const versions = createSwitch(
  {
    ...{ engine, portRule: null, probes: systemProbes, clock: systemClock, wallMs: Date.now },
    ...{ log, ending: signal },
  },
  { prefix: 'eve_', engineWaitMs: 5000, drainMs: 0 },
);
const supervised = engine.supervise(signal);
const consoles = new Map<string, { write(text: string): void; read(): string }>();

async function call({ method, args }: MachineCall): Promise<unknown> {
  switch (method) {
    case 'deploy':
      return await versions.deploy(args[0] as never, () => {}, signal);
    case 'rollback':
      return await versions.rollback(args[0] as never, () => {}, signal);
    case 'removeDeployment':
      return await versions.remove(args[0] as string, () => {}, signal);
    case 'converge':
      return [...(await versions.convergeAll(signal)).keys()];
    case 'readLogs': {
      const lines = [];
      for await (const line of engine.readLogs(args[0] as string, args[1] as object, signal))
        lines.push(line);
      return lines;
    }
    case 'attach': {
      const [machine, name] = args as [string, string];
      const stream = await engine.openConsole(machine, signal);
      let heard = '';
      stream.on('data', (chunk: Buffer) => {
        heard += chunk.toString();
      });
      consoles.set(name, { write: (text) => void stream.write(text), read: () => heard });
      return null;
    }
    case 'type': {
      const [name, text] = args as [string, string];
      consoles.get(name)?.write(text);
      return null;
    }
    case 'heard':
      return consoles.get(args[0] as string)?.read();
    default: {
      const operation = engine[method] as (...all: unknown[]) => Promise<unknown>;
      return await operation(...args, signal);
    }
  }
}

const say = (line: object) => void writeSync(1, `${JSON.stringify(line)}\n`);
say({ id: 0, result: 'ready' });
for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line) as MachineCall;
  call(asked).then(
    (result) => say({ id: asked.id, result: result ?? null }),
    (error: unknown) => {
      const status = error instanceof EngineError ? error.status : null;
      say({ id: asked.id, error: { message: String((error as Error).message), status } });
    },
  );
}
stop.abort(new Error('it ends'));
await supervised;
