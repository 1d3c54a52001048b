// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { closeSync, fstatSync, openSync, readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import type { Duplex, Readable } from 'node:stream';
import type { Clock } from '../../clock.ts';
import { errorMessage } from '../../errors.ts';
import { refuseReading, sendWithDescriptor, socketPair } from '../system/sockets.ts';
import { SystemError } from '../system/system-error.ts';
import {
  type Calf,
  type CalfEnd,
  type CalfMessage,
  type CalfSpec,
  FIRST_GIVEN_DESCRIPTOR,
  type HandedDescriptor,
  MAX_MESSAGE_BYTES,
  STORE_DESCRIPTOR,
} from './calf.ts';
import { launcherArguments } from './calf-code.ts';
import { hearLines, OUTPUT_LIMITS } from './calf-output.ts';
import { LAUNCH_FAILED, type LaunchOrder } from './launch-order.ts';
import { type LayerPlan, planLayers } from './layer-plan.ts';
import { readLayers } from './read-layers.ts';
import { canUnshareUser, IN_USER_NAMESPACE } from './user-namespaces.ts';

/** What runs now: Node, or an executable with Node in it. */
const OWN_PROGRAM = '/proc/self/exe';
const STDOUT = 1;
const STDERR = 2;
const CALF_NAME = /^[a-z][a-z0-9-]{0,31}$/;
const MIN_OPEN_FILES = 64;

export interface SpawnDeps {
  readonly clock: Clock;
  /** Gets what the calf and its launcher write, line by line; hostile text, bounded by line and by rate. */
  onOutput(line: string): void;
  /** What is done of the layers that need a right. Default: what this process can. */
  readonly plan?: LayerPlan;
  /** The program that becomes the calf. Default: the one of this program, in whatever form it runs. */
  readonly launcher?: Command;
}

/** The plan for this process, whose rights do not grow. @throws Error without `/proc` */
export function planHere(): LayerPlan {
  const own = readLayers('self');
  if (own === null) throw new Error('/proc/self/status cannot be read: no calf can be started without /proc');
  return planLayers(own, canUnshareUser);
}

/** @throws RangeError what is asked for cannot be given */
function checkSpec({ name, limits, args = [] }: CalfSpec): void {
  if (!CALF_NAME.test(name)) throw new RangeError(`"${name}" is no name of a calf`);
  if (limits.openFiles < MIN_OPEN_FILES) throw new RangeError(`Node needs ${MIN_OPEN_FILES} descriptors`);
  if (args.some((arg) => arg.includes('\0'))) throw new RangeError('an argument has a NUL in it');
}

function orderOf(spec: CalfSpec, plan: LayerPlan): LaunchOrder {
  const { name, code, limits, user, descriptors = [], visible = [], args = [] } = spec;
  const folders = code.kind === 'source' ? code.folders : [];
  return {
    name,
    parent: process.pid,
    user: plan.hasOwnUser ? user : null,
    dropsBoundingSet: plan.dropsBoundingSet,
    hasNamespaces: plan.hasNamespaces,
    limits,
    firstClosed: FIRST_GIVEN_DESCRIPTOR + descriptors.length,
    module: code.kind === 'source' ? code.file : null,
    asset: code.kind === 'asset' ? code.name : null,
    visible: [...folders.map((path) => ({ path, isWritable: false })), ...visible],
    args,
  };
}

type Command = readonly [string, ...string[]];

function launcherCommand({ hasUserNamespace }: LayerPlan, launcher: Command | undefined): Command {
  if (!hasUserNamespace) return launcher ?? [OWN_PROGRAM, ...launcherArguments()];
  // Another program stands in between, which is itself.
  const command = launcher ?? [readlinkSync(OWN_PROGRAM), ...launcherArguments()];
  return [...IN_USER_NAMESPACE, ...command];
}

/** A message in the form of Node's own channel between processes, which it understands without our doing. */
function encode(message: CalfMessage, descriptor: HandedDescriptor | undefined): Buffer {
  const bytes = Buffer.from(
    `${JSON.stringify(descriptor === undefined ? message : wrap(message, descriptor))}\n`,
  );
  if (bytes.length > MAX_MESSAGE_BYTES) {
    throw new RangeError(`a message of ${bytes.length} bytes, ${MAX_MESSAGE_BYTES} at most`);
  }
  return bytes;
}

function wrap(msg: CalfMessage, { kind }: HandedDescriptor): CalfMessage {
  if (kind === 'stream') return { cmd: 'NODE_HANDLE', type: 'net.Native', msg };
  return { cmd: 'NODE_HANDLE', type: 'dgram.Socket', dgramType: kind, msg };
}

/** Node 24.21 ends (an assertion in stream_wrap.cc) when it gets a descriptor of anything else. */
function checkHanded({ fd }: HandedDescriptor): void {
  const stat = fstatSync(fd);
  if (!stat.isSocket() && !stat.isFIFO()) {
    throw new RangeError('neither a socket nor a pipe: give a file from the start, or by a folder');
  }
}

/**
 * Starts a calf. The process that is started is its own launcher: it applies the layers, and executes Node in its place.
 *
 * @returns it, at once; whether it comes to run is told by what it writes to the store, or by its end
 * @throws RangeError what is asked for cannot be given
 * @throws Error, SystemError its program cannot be opened, or there are no descriptors left
 */
export function spawnCalf(spec: CalfSpec, deps: SpawnDeps): Calf {
  checkSpec(spec);
  const plan = deps.plan ?? planHere();
  const order = orderOf(spec, plan);
  const opened: number[] = [];
  let unused: number | null = null;
  const { promise: ended, resolve: end } = Promise.withResolvers<CalfEnd>();
  try {
    const file = openSync(spec.code.kind === 'script' ? spec.code.file : '/dev/null', 'r');
    opened.push(file);
    const [channel, theirs] = socketPair();
    opened.push(theirs);
    unused = channel;
    refuseReading(channel);
    const [program, ...args] = launcherCommand(plan, deps.launcher);
    const child = spawn(program, [...args, JSON.stringify(order)], {
      env: {},
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', theirs, file, ...(spec.descriptors ?? [])],
    });
    unused = null;
    let channelIsOpen = true;
    let lastLine: string | null = null;
    const finish = (code: number | null, signal: NodeJS.Signals | null, refusal: string | null) => {
      if (channelIsOpen) closeSync(channel);
      channelIsOpen = false;
      end({ code, signal, refusal });
    };
    child.once('error', (error) => finish(null, null, errorMessage(error)));
    const stderr = child.stdio[STDERR] as Readable;
    child.once('exit', (code, signal) => {
      if (code !== LAUNCH_FAILED) finish(code, signal, null);
      // Its last line may come after that.
      else if (stderr.closed) finish(code, signal, lastLine);
      else stderr.once('close', () => finish(code, signal, lastLine));
    });
    for (const output of [child.stdio[STDOUT] as Readable, stderr]) {
      hearLines(output, deps.clock, OUTPUT_LIMITS, (line) => {
        lastLine = line;
        deps.onOutput(line);
      });
    }
    const store = child.stdio[STORE_DESCRIPTOR] as Duplex;
    // Whoever reads it hears of it, too; without one it is no reason to end.
    store.on('error', () => {});
    return {
      name: spec.name,
      pid: child.pid ?? 0,
      store,
      send(message, descriptor) {
        const bytes = encode(message, descriptor);
        if (descriptor !== undefined) checkHanded(descriptor);
        if (!channelIsOpen) throw new SystemError('sendmsg', constants.errno.EPIPE);
        sendWithDescriptor(channel, bytes, descriptor?.fd);
      },
      layers: () =>
        child.exitCode === null && child.signalCode === null ? readLayers(child.pid ?? 0) : null,
      ended,
      kill: () => void child.kill('SIGKILL'),
    };
  } finally {
    for (const fd of [...opened, ...(unused === null ? [] : [unused])]) closeSync(fd);
  }
}
