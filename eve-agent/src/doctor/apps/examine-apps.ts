// SPDX-License-Identifier: Apache-2.0
import { EXIT_CODES } from '@local-datastore/shared/command-line/exit-codes';
import type { EngineClient } from '@local-datastore/shared/engine/engine-client';
import { EngineError } from '@local-datastore/shared/engine/engine-client';
import { CodedError } from '@local-datastore/shared/errors';
import type { ContentTree } from '@local-datastore/shared/eve/content-tree';
import type { DeviceConfig } from '@local-datastore/shared/eve/device-config';
import { type AppIntent, type HostBridge, planApps } from '../../launch/apps/app-intent.ts';
import { readAppSettings } from '../../launch/apps/app-settings.ts';
import { containerOfApp } from '../../launch/apps/container-of-app.ts';
import { readVmSettings } from '../../launch/apps/vm-settings.ts';
import type { DeploymentSettings } from '../../launch/deployments/deployment-settings.ts';
import type { ContainerSpec } from '../../launch/engine/container-spec.ts';
import { buildSource, type Source } from '../../reconcile/source.ts';
import { type CheckResult, type Finding, problem, warning } from '../check.ts';
import type { Diagnosis } from '../diagnose.ts';
import type { HostFacts, MachinesSeen } from './host-facts.ts';
import { judgeApp, type Prepared } from './judge-app.ts';
import { readEngine } from './read-host.ts';

export interface ExamineAppsDeps {
  readonly client: EngineClient;
  listBridges(): readonly HostBridge[];
  readMachines(signal: AbortSignal): Promise<MachinesSeen>;
  readTakenPorts(): Promise<ReadonlySet<string>>;
  readForwarding(): Promise<boolean>;
  /** Addresses that answered on a bridge. */
  readNeighbours(bridge: string): Promise<readonly string[]>;
  readonly memoryBytes: number;
  /** As the agent does. @throws CodedError */
  prepare(settings: DeploymentSettings): Promise<(image: string) => ContainerSpec>;
  /** Whether content would come from a source. */
  examineSource(source: Source, tree: ContentTree): Promise<Diagnosis>;
}

async function prepareApp(intent: AppIntent, deps: ExamineAppsDeps): Promise<Prepared> {
  if (intent.kind === 'unusable') return { kind: 'unknown' };
  if (intent.kind === 'vm') {
    const settings = readVmSettings(intent.uuid, intent.extension);
    return typeof settings === 'string' ? { kind: 'refused', why: settings } : { kind: 'unknown' };
  }
  const settings = readAppSettings(intent.uuid, intent.extension);
  if (typeof settings === 'string') return { kind: 'refused', why: settings };
  try {
    return { kind: 'spec', spec: containerOfApp(intent, (await deps.prepare(settings))('')) };
  } catch (error) {
    // What an engine that is away says is said once.
    if (error instanceof EngineError) return { kind: 'unknown' };
    if (error instanceof CodedError) return { kind: 'refused', why: error.message };
    throw error;
  }
}

/** The sources of a tree in the order in which they are tried; what keeps one from being used as its reason. */
function sourcesOf(
  tree: ContentTree,
  { datastores }: DeviceConfig,
): { source: Source | string; note: string }[] {
  const ids = tree.dsIdsList.length > 0 ? tree.dsIdsList : [tree.dsId ?? ''];
  return ids.map((id) => {
    const datastore = datastores.find((each) => each.id.toLowerCase() === id.toLowerCase());
    if (datastore === undefined)
      return { source: `the configuration has no usable datastore ${id}`, note: '' };
    const source = buildSource(datastore, tree, { allowPlainCredentials: false });
    if (typeof source !== 'string') return { source, note: '' };
    // Whether the agent may is said when it is started.
    return { source: buildSource(datastore, tree, { allowPlainCredentials: true }), note: source };
  });
}

/** One that serves is enough. */
async function judgeContent(
  tree: ContentTree,
  config: DeviceConfig,
  deps: ExamineAppsDeps,
): Promise<readonly Finding[]> {
  const name = tree.displayName || tree.URL;
  const findings: Finding[] = [];
  for (const { source, note } of sourcesOf(tree, config)) {
    if (typeof source === 'string') {
      const advice = 'change the datastore in the configuration';
      findings.push(problem('usage', 'source', `its content ${name}: ${source}`, advice));
      continue;
    }
    const { isUsable, verdict, url, exitCode } = await deps.examineSource(source, tree);
    const advice = 'start the agent so, or use https';
    if (isUsable)
      return note === '' ? [] : [warning('plain-credentials', `its content ${name}: ${note}`, advice)];
    const failure = exitCode === EXIT_CODES.datastoreNotFound ? 'datastoreNotFound' : 'transferFailed';
    findings.push(problem(failure, 'content', `its content ${name}: ${verdict}`, `eve-agent doctor ${url}`));
  }
  return findings;
}

/** What an app is made of. */
const treesOf = (intent: AppIntent): ContentTree[] =>
  intent.kind === 'unusable' ? [] : [intent.root, ...intent.volumes].flatMap(({ tree }) => tree ?? []);

const ofHost = (id: string, title: string, summary: string, isThere: boolean): CheckResult => ({
  ...{ id, title, summary, facts: {}, findings: [] },
  verdict: isThere ? 'ok' : 'warning',
});

function hostChecks({ bridges, engine, machines }: HostFacts): CheckResult[] {
  const named = bridges.map(({ name, cidr }) => `${name} (${cidr})`).join(', ');
  const engineText =
    engine.kind === 'away' ? engine.why : `API 1.${engine.api}, ${engine.cpuCount} processors`;
  const machinesText = machines.kind === 'none' ? machines.why : machines.summary;
  return [
    ofHost('bridges', 'Bridges', named || 'none', bridges.length > 0),
    ofHost('engine', 'Container engine', engineText, engine.kind === 'there'),
    ofHost('machines', 'Virtual machines', machinesText, machines.kind === 'there'),
  ];
}

/**
 * Which apps of a configuration could be launched on this host, and why not; nothing is changed.
 *
 * @param place of the configuration, for people
 * @throws the signal's reason
 */
export async function examineApps(
  config: DeviceConfig,
  place: string,
  deps: ExamineAppsDeps,
  signal: AbortSignal,
): Promise<Diagnosis> {
  const bridges = deps.listBridges();
  const neighbours = await Promise.all(
    bridges.map(async ({ name }) => [name, await deps.readNeighbours(name)] as const),
  );
  const host: HostFacts = {
    ...{ bridges, neighbours: new Map(neighbours), memoryBytes: deps.memoryBytes },
    engine: await readEngine(deps.client, signal),
    machines: await deps.readMachines(signal),
    listening: await deps.readTakenPorts(),
    isForwarding: await deps.readForwarding(),
  };
  const intents = planApps(config, bridges);
  /** Of a tree that several apps are made of, once. */
  const contents = new Map<string, readonly Finding[]>();
  const apps: CheckResult[] = [];
  for (const [i, intent] of intents.entries()) {
    signal.throwIfAborted();
    const content: Finding[] = [];
    for (const tree of treesOf(intent)) {
      const found = contents.get(tree.uuid) ?? (await judgeContent(tree, config, deps));
      contents.set(tree.uuid, found);
      content.push(...found);
    }
    const prepared = await prepareApp(intent, deps);
    apps.push(judgeApp(intent, { prepared, host, content, earlier: intents.slice(0, i) }));
  }
  const failing = apps.filter(({ verdict }) => verdict === 'problem');
  const [first] = failing.flatMap(({ findings }) => findings.filter(({ verdict }) => verdict === 'problem'));
  const count = `${apps.length - failing.length} of ${apps.length} apps can be launched here`;
  const verdict =
    failing.length === 0 ? count : `${count}, not ${failing.map(({ title }) => title).join(', ')}`;
  return {
    ...{ url: place, isUsable: failing.length === 0, judgedFor: 'eve-agent' as const, verdict },
    exitCode: EXIT_CODES[first?.failure ?? 'done'],
    checks: [...hostChecks(host), ...apps],
  };
}
