// SPDX-License-Identifier: Apache-2.0
import { sizeText } from '@local-datastore/shared/text/quantities';
import type { AppIntent } from '../../launch/apps/app-intent.ts';
import { overlaps } from '../../launch/apps/bridge-subnet.ts';
import { networkName, volumeName } from '../../launch/apps/container-of-app.ts';
import type { ContainerSpec } from '../../launch/engine/container-spec.ts';
import { findUnsupportedNetworks } from '../../launch/engine/several-networks.ts';
import { type CheckResult, type Finding, problem, warning } from '../check.ts';
import type { EngineNetwork, EngineSeen, HostFacts } from './host-facts.ts';

/** What the agent makes of the arguments of an app. */
export type Prepared =
  | { readonly kind: 'spec'; readonly spec: ContainerSpec }
  | { readonly kind: 'refused'; readonly why: string }
  /** Nothing could be asked. */
  | { readonly kind: 'unknown' };

type UsableIntent = Exclude<AppIntent, { readonly kind: 'unusable' }>;
type Engine = Extract<EngineSeen, { readonly kind: 'there' }>;

const isUsable = (intent: AppIntent): intent is UsableIntent => intent.kind !== 'unusable';

const cannot = (code: string, message: string, advice: string) => problem('usage', code, message, advice);

const refused = (why: string) =>
  cannot('arguments', why, 'change what stands under localDatastore of the app');

/** Whether both are to run at one engine, which gives nothing twice. */
const shareEngine = (...intents: readonly UsableIntent[]) =>
  intents.every(({ kind, isActive }) => kind === 'container' && isActive);

/** What of an app an earlier one of the configuration has. */
function* findClashes(intent: UsableIntent, earlier: readonly UsableIntent[]): Generator<Finding> {
  for (const other of earlier) {
    const finding = shareEngine(intent, other) ? cannot : warning;
    for (const { bridge, address, portMaps } of intent.networks) {
      const theirs = other.networks.filter((network) => network.bridge.name === bridge.name);
      if (address !== null && theirs.some((network) => network.address === address)) {
        const message = `the address ${address} on ${bridge.name} is that of ${other.displayName}, too`;
        yield finding('address-twice', message, 'give one of them another address (interfaces[].addr)');
      }
      const maps = other.networks.flatMap((network) => network.portMaps);
      for (const { protocol, hostPort } of portMaps) {
        if (!maps.some((map) => map.protocol === protocol && map.hostPort === hostPort)) continue;
        const message = `the ${protocol} port ${hostPort} of the host is mapped to ${other.displayName}, too`;
        // The host itself gives none twice.
        const ofPort = intent.isActive && other.isActive ? cannot : warning;
        yield ofPort('port-twice', message, 'map one of them to another port (lport)');
      }
    }
  }
}

/** The container that serves for an app, and those of its switch, are no hindrance to it. */
const isOwn = (uuid: string, container: string) => container.startsWith(`eve_${uuid}`);

function* judgeNetworks(intent: UsableIntent, engine: Engine, host: HostFacts): Generator<Finding> {
  for (const { bridge, address, portMaps } of intent.networks) {
    const name = networkName(bridge);
    const own: EngineNetwork | undefined = engine.networks.find((network) => network.name === name);
    const other = engine.networks.find(
      (network) => network.name !== name && network.subnets.some((subnet) => overlaps(subnet, bridge.cidr)),
    );
    if (own !== undefined && own.madeFor !== bridge.name) {
      const message = `the engine has a network ${name} that was not made here`;
      yield cannot('network-foreign', message, 'remove that network, or rename it');
    } else if (other !== undefined && !own?.subnets.some((subnet) => overlaps(subnet, bridge.cidr))) {
      const message = `${bridge.name} has ${bridge.cidr}, which overlaps the engine's network ${other.name} (${other.subnets.join(', ')})`;
      yield cannot(
        'network-overlaps',
        message,
        'remove that network, or give it or the bridge another subnet',
      );
    }
    if (address !== null) {
      const holder = own?.holders.get(address);
      if (address === bridge.cidr.split('/')[0]) {
        const message = `the address ${address} is that of ${bridge.name} itself`;
        yield cannot('address-of-bridge', message, 'give the app another address (interfaces[].addr)');
      } else if (holder !== undefined && !isOwn(intent.uuid, holder)) {
        const message = `the container ${holder} has the address ${address}`;
        yield cannot('address-taken', message, 'give the app another address (interfaces[].addr)');
      } else if (holder === undefined && host.neighbours.get(bridge.name)?.includes(address)) {
        const message = `something on ${bridge.name} has answered at ${address}`;
        yield warning(
          'address-seen',
          message,
          'see whether it still has it (ip neighbour); two would be in each other’s way',
        );
      }
    }
    for (const { protocol, hostPort } of portMaps) {
      const port = `${protocol} ${hostPort}`;
      const holder = engine.ports.get(port);
      const isTaken = holder === undefined ? host.listening.has(port) : !isOwn(intent.uuid, holder);
      if (!isTaken) continue;
      const who = holder === undefined ? 'a program of the host' : `the container ${holder}`;
      const message = `${who} has the ${protocol} port ${hostPort}`;
      yield cannot('port-taken', message, 'end it, or map the app to another port (lport)');
    }
  }
}

function* judgeContainer(intent: UsableIntent, prepared: Prepared, host: HostFacts): Generator<Finding> {
  const { engine } = host;
  if (prepared.kind === 'refused') yield refused(prepared.why);
  if (engine.kind === 'away') {
    yield cannot('no-engine', engine.why, 'install and start a container engine, or name it with --engine');
    return;
  }
  if (prepared.kind === 'spec') {
    for (const why of findUnsupportedNetworks(prepared.spec, engine.api)) {
      yield cannot(
        'engine-too-old',
        why,
        'order the interfaces by the names of their bridges, or use a newer engine',
      );
    }
  }
  yield* judgeNetworks(intent, engine, host);
  const { cpuCount, memoryBytes } = intent;
  if (cpuCount !== null && cpuCount > engine.cpuCount) {
    const message = `${cpuCount} processors are wanted (vcpus), and the engine has ${engine.cpuCount}`;
    yield cannot('processors', message, 'lower fixedresources.vcpus');
  }
  if (memoryBytes !== null && memoryBytes > engine.memoryBytes) {
    const message = `it may use ${sizeText(memoryBytes)} of memory, and the host has ${sizeText(engine.memoryBytes)}`;
    yield warning('memory', message, 'lower fixedresources.memory: the limit is none here');
  }
}

function* judgePortsOfMachine(
  { networks }: UsableIntent,
  { engine, listening, isForwarding }: HostFacts,
): Generator<Finding> {
  const maps = networks.flatMap(({ portMaps }) => portMaps);
  for (const { protocol, hostPort } of maps) {
    const port = `${protocol} ${hostPort}`;
    const holder = engine.kind === 'there' ? engine.ports.get(port) : undefined;
    if (holder !== undefined) {
      const message = `the container ${holder} has the ${protocol} port ${hostPort}`;
      yield cannot('port-taken', message, 'end it, or map the app to another port (lport)');
    } else if (listening.has(port)) {
      // An agent that runs the VM holds its ports.
      const message = `something on this host has the ${protocol} port ${hostPort} already`;
      yield warning(
        'port-held',
        message,
        'where the app does not run yet, end that, or map another port (lport)',
      );
    }
  }
  if (maps.length > 0 && !isForwarding) {
    const message =
      'this host passes nothing on: what is mapped comes in by the agent alone, while that runs';
    yield warning('no-forwarding', message, 'set net.ipv4.ip_forward to 1 (sysctl)');
  }
}

function* judgeMachine(
  intent: Extract<AppIntent, { readonly kind: 'vm' }>,
  prepared: Prepared,
  host: HostFacts,
): Generator<Finding> {
  const { machines, memoryBytes } = host;
  if (prepared.kind === 'refused') yield refused(prepared.why);
  if (machines.kind === 'none') {
    yield cannot('no-machines', machines.why, machines.advice);
    return;
  }
  if (intent.isUefi && machines.whyNoUefi !== null) {
    yield cannot(
      'no-uefi',
      machines.whyNoUefi,
      'install it, or choose another boot mode (fixedresources.bootMode)',
    );
  }
  if (!machines.isFast) {
    yield warning(
      'no-kvm',
      'KVM cannot be used: it is emulated, and slow',
      'use a host with /dev/kvm, or wait longer for it to boot',
    );
  }
  if (intent.memoryBytes > memoryBytes) {
    const message = `it wants ${sizeText(intent.memoryBytes)} of memory, and the host has ${sizeText(memoryBytes)}`;
    yield warning('memory', message, 'lower fixedresources.memory: it may be ended when it uses that');
  }
  yield* judgePortsOfMachine(intent, host);
}

function summaryOf(intent: AppIntent): string {
  if (!isUsable(intent)) return 'cannot be used as it is configured';
  const networks = intent.networks.map(
    ({ bridge, address }) => `${bridge.name}${address === null ? '' : ` ${address}`}`,
  );
  const made = intent.volumes.map(({ volume }) =>
    volumeName(intent.uuid, volume.uuid, volume.generationCount),
  );
  return [
    intent.kind === 'vm' ? 'a VM' : 'a container',
    networks.length === 0 ? 'without a network' : `on ${networks.join(', ')}`,
    ...(made.length === 0
      ? []
      : [`with the volumes ${made.join(', ')}, which are made where they are not there`]),
    ...(intent.isActive ? [] : ['not to run (activate)']),
  ].join(', ');
}

/**
 * Whether an app could be launched on this host, and why not; by what the agent itself decides by.
 *
 * Pure.
 *
 * @param earlier apps of the configuration before it
 * @param content what is wrong with where its content comes from
 */
export function judgeApp(
  intent: AppIntent,
  facts: {
    readonly prepared: Prepared;
    readonly host: HostFacts;
    readonly earlier: readonly AppIntent[];
    readonly content: readonly Finding[];
  },
): CheckResult {
  const { prepared, host, earlier, content } = facts;
  const findings = isUsable(intent)
    ? [
        ...findClashes(intent, earlier.filter(isUsable)),
        ...(intent.kind === 'vm'
          ? judgeMachine(intent, prepared, host)
          : judgeContainer(intent, prepared, host)),
        ...content,
        ...intent.warnings.map((each) => warning('unused', each, 'leave it out, or live without it here')),
      ]
    : intent.problems.map((each) => cannot('configuration', each, 'change the app in the configuration'));
  const hasProblem = findings.some(({ verdict }) => verdict === 'problem');
  const verdict = hasProblem ? 'problem' : findings.length > 0 ? 'warning' : 'ok';
  const { uuid, displayName: title } = intent;
  return { id: uuid, title, verdict, summary: summaryOf(intent), facts: { uuid }, findings };
}
