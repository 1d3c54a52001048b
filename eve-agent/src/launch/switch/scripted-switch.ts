// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';
import { silentLog } from '@local-datastore/shared/log';
import type { ContainerSpec } from '../engine/container-spec.ts';
import {
  createScriptedEngine,
  type ScriptedContainer,
  type ScriptedEngine,
  type ScriptedProgram,
  scriptedCommand,
} from '../engine/scripted-engine.ts';
import type { HealthCheck } from './health-check.ts';
import type { PortRule, Redirect } from './port-rule.ts';
import type { Place, ProbeResult, Probes } from './probe.ts';
import { createSwitch, type SwitchOptions } from './switch.ts';
import type { Switch, WantedVersion } from './switch-contract.ts';

/** A clock that goes on to the next moment that somebody waits for, as soon as nothing else is to be done. */
export function createHastyClock(): Clock {
  let nowMs = 0;
  const timers = new Set<{ readonly atMs: number; readonly callback: () => void }>();
  let isGoing = false;
  function go(): void {
    const next = [...timers].sort((a, b) => a.atMs - b.atMs)[0];
    isGoing = next !== undefined;
    if (next === undefined) return;
    timers.delete(next);
    nowMs = next.atMs;
    next.callback();
    setImmediate(go);
  }
  return {
    nowMs: () => nowMs,
    after(delayMs, callback) {
      const timer = { atMs: nowMs + delayMs, callback };
      timers.add(timer);
      if (!isGoing) {
        isGoing = true;
        setImmediate(go);
      }
      return () => timers.delete(timer);
    },
  };
}

/** The process is dead: nothing that it wants to do comes about. */
export class Crash extends Error {}

export const HOST_PORT = 8080;
const CONTAINER_PORT = 80;
export const CHECK: HealthCheck = {
  kind: 'http',
  port: CONTAINER_PORT,
  path: '/',
  intervalMs: 1000,
  timeoutMs: 1000,
  startPeriodMs: 2000,
  retries: 2,
};

/** A host with an engine and a packet filter, which outlive the process of a switch; all of tables. */
export interface ScriptedHost {
  readonly engine: ScriptedEngine;
  readonly rules: Map<string, Redirect[]>;
  /** All effects since, in order. */
  readonly effects: string[];
  /** A process of its own, which ends before or after so many effects more; absent: never. */
  startSwitch(options?: { crashAt?: number; withoutRule?: boolean } & Pick<SwitchOptions, 'mayTidy'>): Switch;
  /** Of a version that is wanted. */
  version(word: string, program?: ScriptedProgram, spec?: Partial<ContainerSpec>): WantedVersion;
  /** What answers at the published port from outside; null: nothing does. */
  serving(): string | null;
  running(): ScriptedContainer[];
}

export const NAME = 'web';
export const PREFIX = 'ed_';

export function createScriptedHost(): ScriptedHost {
  const engine = createScriptedEngine();
  const rules = new Map<string, Redirect[]>();
  const effects: string[] = [];
  let onEffect: (name: string, phase: 'before' | 'after') => void = () => {};
  engine.onEffect = (name, phase) => onEffect(name, phase);

  const wordOf = ({ spec }: ScriptedContainer) => /:(.*)$/.exec(spec.Image)?.[1] ?? spec.Image;
  const byAddress = (address: string) => {
    const id = /^172\.17\.0\.(\d+)$/.exec(address)?.[1];
    const found = engine.containers.get(`c${id}`);
    return found?.state === 'running' ? found : undefined;
  };
  function answering({ address, port }: Place): ScriptedContainer | undefined {
    if (port === CONTAINER_PORT) return byAddress(address);
    const led = [...rules.values()].flat().find(({ hostPort }) => hostPort === port);
    return led === undefined ? engine.holderOf(port) : byAddress(led.address);
  }

  const portRule: PortRule = {
    async list(signal) {
      signal.throwIfAborted();
      onEffect('list rules', 'after');
      return new Set(rules.keys());
    },
    async add(holder, redirects) {
      // Rules come one after another, as with iptables.
      for (const redirect of redirects) {
        onEffect(`add rule ${redirect.family}`, 'before');
        rules.set(holder, [...(rules.get(holder) ?? []), redirect]);
        onEffect(`add rule ${redirect.family}`, 'after');
      }
    },
    async remove(holder) {
      for (const redirect of rules.get(holder) ?? []) {
        onEffect('remove rule', 'before');
        const left = (rules.get(holder) ?? []).filter((each) => each !== redirect);
        if (left.length === 0) rules.delete(holder);
        else rules.set(holder, left);
        onEffect('remove rule', 'after');
      }
    },
  };
  const ask = async (place: Place): Promise<ProbeResult> => {
    const found = answering(place);
    if (found === undefined) return 'refused';
    return found.program.isHealthy === false ? 'it answers 503' : null;
  };
  const probes: Probes = { http: ask, tcp: ask };

  return {
    engine,
    rules,
    effects,
    startSwitch({ crashAt, withoutRule = false, mayTidy } = {}) {
      let left = crashAt ?? Number.POSITIVE_INFINITY;
      const ending = new AbortController();
      onEffect = (name, phase) => {
        if (ending.signal.aborted) throw ending.signal.reason;
        if (name === 'list rules') return;
        if (phase === 'before') effects.push(name);
        left -= 1;
        if (left > 0) return;
        // What a dead process has asked for has come about, or not; either way it does nothing more.
        ending.abort(new Crash(`${phase} ${name}`));
        throw ending.signal.reason;
      };
      return createSwitch(
        {
          ...{ engine, portRule: withoutRule ? null : portRule, probes, clock: createHastyClock() },
          ...{ wallMs: () => 0, log: silentLog, ending: ending.signal },
        },
        { prefix: PREFIX, engineWaitMs: 5000, drainMs: 100, ...(mayTidy && { mayTidy }) },
      );
    },
    version(word, program = {}, spec = {}) {
      const id = `sha256:${word}`;
      engine.addImage(id, `${PREFIX}${NAME}:${word}`);
      return {
        name: NAME,
        spec: {
          Image: 'overridden',
          Cmd: scriptedCommand(program),
          ...spec,
          HostConfig: {
            PortBindings: { [`${CONTAINER_PORT}/tcp`]: [{ HostIp: '', HostPort: String(HOST_PORT) }] },
            ...spec.HostConfig,
          },
        },
        image: { id, tag: `${PREFIX}${NAME}:${word}`, configDigest: id },
        health: CHECK,
        stopSeconds: null,
        settleMs: 1000,
        keep: 2,
      };
    },
    serving() {
      const found = answering({ address: '192.0.2.1', port: HOST_PORT });
      return found === undefined || found.program.isHealthy === false ? null : wordOf(found);
    },
    running: () => [...engine.containers.values()].filter(({ state }) => state === 'running'),
  };
}
