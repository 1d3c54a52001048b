// SPDX-License-Identifier: Apache-2.0
import { EngineError } from '@local-datastore/shared/engine/engine-client';
import type {
  ContainerEngine,
  ContainerState,
  ContainerView,
  ImageView,
  LogLine,
  PublishedPort,
} from './container-engine.ts';
import type { ContainerSpec, RestartPolicy } from './container-spec.ts';

/** What a container of the scripted engine does, as the only word of its command. */
export interface ScriptedProgram {
  /** It ends at once; else it runs. */
  readonly exitCode?: number;
  readonly out?: readonly string[];
  readonly err?: readonly string[];
  /** Default true. */
  readonly isHealthy?: boolean;
}

export const scriptedCommand = (program: ScriptedProgram): readonly string[] => [JSON.stringify(program)];

export interface ScriptedContainer {
  readonly id: string;
  name: string;
  readonly spec: ContainerSpec;
  readonly imageId: string;
  readonly program: ScriptedProgram;
  state: ContainerState;
  exitCode: number;
  /** Why it is not started any more. */
  error: string;
  restart: RestartPolicy;
  starts: number;
  /** Somebody stopped it: the engine leaves it so when it starts. */
  isStoppedByHand: boolean;
  log: LogLine[];
}

/** An engine that is a table; time plays no part in it. */
export interface ScriptedEngine extends ContainerEngine {
  readonly containers: Map<string, ScriptedContainer>;
  /** By id, with all tags. */
  readonly images: Map<string, Set<string>>;
  /** Is told of each call that changes something, before it does so and after. May throw: it then has not come or not returned. */
  onEffect: (effect: string, phase: 'before' | 'after') => void;
  /** It answers nothing. */
  isAway: boolean;
  addImage(id: string, ...tags: readonly string[]): void;
  /** The host port of what answers there; a rule may have led it elsewhere, which is not known here. */
  holderOf(hostPort: number): ScriptedContainer | undefined;
  /** All containers end with the engine, which then starts those whose policy says so. */
  reboot(): void;
}

const refused = (status: number, reason: string) =>
  new EngineError('ENGINE_REFUSED', `the container engine refuses: ${reason}`, status, {
    details: { status, reason },
  });

function parseProgram(spec: ContainerSpec): ScriptedProgram {
  return JSON.parse(spec.Cmd?.[0] ?? '{}') as ScriptedProgram;
}

const isRunning = ({ state }: ScriptedContainer) => state === 'running';

const hostPorts = ({ spec }: ScriptedContainer) =>
  Object.values(spec.HostConfig.PortBindings ?? {}).flatMap((places) =>
    places.map(({ HostPort }) => HostPort).filter((port) => port !== ''),
  );

function publishedOf({ spec }: ScriptedContainer): PublishedPort[] {
  const bound = Object.entries(spec.HostConfig.PortBindings ?? {}).flatMap(([name, places]) => {
    const [port, protocol = 'tcp'] = name.split('/');
    return places.map(({ HostIp, HostPort }) => ({
      ...{ protocol, hostAddress: HostIp, hostPort: Number(HostPort), port: Number(port) },
    }));
  });
  const led = (spec.Machine?.Ports ?? []).map(({ Protocol: protocol, HostPort: hostPort, Port: port }) => ({
    ...{ protocol, hostAddress: '', hostPort, port },
  }));
  return [...bound, ...led];
}

export function createScriptedEngine(): ScriptedEngine {
  const containers = new Map<string, ScriptedContainer>();
  const images = new Map<string, Set<string>>();
  let count = 0;

  const imageOf = (image: string) =>
    images.has(image) ? image : [...images].find(([, tags]) => tags.has(image))?.[0];
  const find = (container: string) =>
    containers.get(container) ?? [...containers.values()].find(({ name }) => name === container);
  function need(container: string): ScriptedContainer {
    const found = find(container);
    if (found === undefined) throw refused(404, `No such container: ${container}`);
    return found;
  }
  function needFreeName(name: string): void {
    if (find(name) !== undefined) throw refused(409, `The container name "/${name}" is already in use`);
  }

  function answer(signal: AbortSignal): void {
    signal.throwIfAborted();
    if (engine.isAway) throw new EngineError('ENGINE_UNREACHABLE', 'no container engine answers', null);
  }
  /** What changes something. */
  async function effect<T>(name: string, signal: AbortSignal, change: () => T): Promise<T> {
    answer(signal);
    engine.onEffect(name, 'before');
    const result = change();
    engine.onEffect(name, 'after');
    return result;
  }

  function run(container: ScriptedContainer): void {
    const taken = [...containers.values()].filter(isRunning).flatMap(hostPorts);
    const clash = hostPorts(container).find((port) => taken.includes(port));
    if (clash !== undefined) {
      throw refused(500, `Bind for 0.0.0.0:${clash} failed: port is already allocated`);
    }
    const { exitCode, out = [], err = [] } = container.program;
    const isTerminal = container.spec.Tty === true;
    const line = (stream: 'stdout' | 'stderr') => (text: string) =>
      ({ stream: isTerminal ? 'stdout' : stream, text, at: null }) as const;
    container.log.push(...out.map(line('stdout')), ...err.map(line('stderr')));
    container.starts += 1;
    container.isStoppedByHand = false;
    container.state = exitCode === undefined ? 'running' : 'exited';
    container.exitCode = exitCode ?? 0;
  }
  function end(container: ScriptedContainer, exitCode: number): void {
    if (!isRunning(container)) return;
    container.state = 'exited';
    container.exitCode = exitCode;
  }

  function toView(container: ScriptedContainer): ContainerView {
    const { id, name, spec, imageId, state, exitCode, error, restart, starts, program } = container;
    const network = Object.keys(spec.NetworkingConfig?.EndpointsConfig ?? {})[0] ?? 'bridge';
    const number = Number(id.slice(1));
    const health = program.isHealthy === false ? 'unhealthy' : 'healthy';
    return {
      ...{ id, name, imageId, state, exitCode, error },
      labels: spec.Labels ?? {},
      image: spec.Image,
      isOutOfMemory: false,
      startedAt: starts === 0 ? '' : `start ${starts}`,
      restartCount: 0,
      restartPolicy: restart,
      health: spec.Healthcheck === undefined ? 'none' : health,
      healthcheck: spec.Healthcheck ?? null,
      shell: ['/bin/sh', '-c'],
      hasTerminal: spec.Tty === true,
      stopTimeoutSeconds: spec.StopTimeout ?? null,
      networkMode: spec.HostConfig.NetworkMode ?? 'default',
      networks: isRunning(container)
        ? [{ name: network, ipv4: `172.17.0.${number}`, ipv6: '', gateway: '172.17.0.1' }]
        : [],
      portBindings: spec.HostConfig.PortBindings ?? {},
      publishedPorts: isRunning(container) ? publishedOf(container) : [],
    };
  }

  const engine: ScriptedEngine = {
    containers,
    images,
    onEffect: () => {},
    isAway: false,
    addImage: (id, ...tags) => void images.set(id, new Set(tags)),
    holderOf: (port) =>
      [...containers.values()].find((each) => isRunning(each) && hostPorts(each).includes(String(port))),
    reboot() {
      for (const container of containers.values()) {
        const wasRunning = isRunning(container);
        end(container, 255);
        if (container.spec.Machine?.IsLeftAtBoot) continue;
        const { Name } = container.restart;
        const isStarted = Name === 'always' || (Name === 'unless-stopped' && wasRunning);
        if (isStarted && !(Name === 'unless-stopped' && container.isStoppedByHand)) {
          try {
            run(container);
          } catch {
            // Its port is another's: it stays down, as with the real one.
          }
        }
      }
    },

    async ping(signal) {
      answer(signal);
    },
    async list(label, signal) {
      answer(signal);
      const [name = '', value] = label.split('=');
      const fits = ({ spec }: ScriptedContainer) => {
        const found = spec.Labels?.[name];
        return found !== undefined && (value === undefined || found === value);
      };
      return [...containers.values()].filter(fits).map(({ id }) => id);
    },
    async inspect(container, signal) {
      answer(signal);
      const found = find(container);
      return found === undefined ? null : toView(found);
    },
    async readSpec(container, signal) {
      answer(signal);
      const { spec, restart } = need(container);
      return { ...spec, HostConfig: { ...spec.HostConfig, RestartPolicy: restart } };
    },
    create: (name, spec, signal) =>
      effect(`create ${name}`, signal, () => {
        const imageId = imageOf(spec.Image);
        if (imageId === undefined) throw refused(404, `No such image: ${spec.Image}`);
        needFreeName(name);
        count += 1;
        const id = `c${count}`;
        const program = parseProgram(spec);
        const restart = spec.HostConfig.RestartPolicy ?? { Name: 'no' as const };
        containers.set(id, {
          ...{ id, name, spec, imageId, program, restart },
          ...{ state: 'created', exitCode: 0, error: '', starts: 0, isStoppedByHand: false, log: [] },
        });
        return id;
      }),
    start: (container, signal) =>
      effect(`start ${find(container)?.name}`, signal, () => {
        const found = need(container);
        if (!isRunning(found)) run(found);
      }),
    stop: (container, signal) =>
      effect(`stop ${find(container)?.name}`, signal, () => {
        const found = need(container);
        end(found, 143);
        found.isStoppedByHand = true;
      }),
    restart: (container, signal) =>
      effect(`restart ${find(container)?.name}`, signal, () => {
        const found = need(container);
        end(found, 143);
        run(found);
      }),
    remove: (container, _hasVolumes, signal) =>
      effect(`remove ${find(container)?.name}`, signal, () => {
        containers.delete(find(container)?.id ?? '');
      }),
    rename: (container, name, signal) =>
      effect(`rename ${find(container)?.name} ${name}`, signal, () => {
        const found = need(container);
        needFreeName(name);
        found.name = name;
      }),
    setRestartPolicy: (container, policy, signal) =>
      effect(`set restart ${find(container)?.name} ${policy.Name}`, signal, () => {
        need(container).restart = policy;
      }),
    async *readLogs(container, { tail }, signal) {
      answer(signal);
      const { log } = need(container);
      yield* tail === undefined ? log : log.slice(Math.max(0, log.length - tail));
    },
    async exec(container, _command, signal) {
      answer(signal);
      const found = need(container);
      if (!isRunning(found)) throw refused(409, `Container ${container} is not running`);
      const isHealthy = found.program.isHealthy !== false;
      return { exitCode: isHealthy ? 0 : 1, output: isHealthy ? '' : 'not well' };
    },

    async listImages(repository, signal) {
      answer(signal);
      const all = [...images].map(([id, tags]): ImageView => ({ id, tags: [...tags] }));
      return all.filter(({ tags }) => tags.some((tag) => tag.startsWith(`${repository}:`)));
    },
    async inspectImage(image, signal) {
      answer(signal);
      const id = imageOf(image);
      return id === undefined ? null : { id, tags: [...(images.get(id) ?? [])] };
    },
    tagImage: (image, repository, tag, signal) =>
      effect(`tag ${repository}:${tag}`, signal, () => {
        const id = imageOf(image);
        if (id === undefined) throw refused(404, `No such image: ${image}`);
        for (const tags of images.values()) tags.delete(`${repository}:${tag}`);
        images.get(id)?.add(`${repository}:${tag}`);
      }),
    untagImage: (tag, signal) =>
      effect(`untag ${tag}`, signal, () => {
        const id = imageOf(tag);
        if (id === undefined) return;
        const tags = images.get(id);
        const isLast = tags?.size === 1;
        const user = [...containers.values()].find(({ imageId }) => imageId === id);
        if (isLast && user !== undefined) throw refused(409, `conflict: container ${user.id} is using it`);
        tags?.delete(tag);
        if (isLast) images.delete(id);
      }),
    async inspectNetwork(network, signal) {
      answer(signal);
      return network === 'bridge' ? { driver: 'bridge', bridge: 'docker0' } : null;
    },
    async hasInit(signal) {
      answer(signal);
      return true;
    },
    async untilAway(signal) {
      answer(signal);
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      signal.throwIfAborted();
    },
  };
  return engine;
}
