// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';

/** The engine that this container runs on, through its socket. */
export interface DockerEngine {
  /** @returns the image's id */
  pull(repository: string, tag: string): Promise<string>;
  remove(image: string): Promise<void>;
  /** Takes a service of this compose project off one of its networks, or puts it back. */
  cut(service: string, network: string): Promise<void>;
  reconnect(service: string, network: string): Promise<void>;
  /** Where a service of this project is on one of its networks. @param name of the network at the engine */
  addressOf(service: string, name: string): Promise<string>;
  /** The names of all containers that have a label. */
  containersWith(label: string): Promise<string[]>;
  /** What the engine has of an application: containers, and images. Nothing of it is fine. */
  removeApplication(name: string): Promise<void>;
}

const SOCKET = '/var/run/docker.sock';
const PROJECT_LABEL = 'com.docker.compose.project';
const SERVICE_LABEL = 'com.docker.compose.service';

interface Container {
  readonly NetworkSettings: { readonly Networks: Readonly<Record<string, { readonly IPAddress: string }>> };
  readonly Id: string;
  readonly Config: { readonly Labels: Readonly<Record<string, string>> };
}

async function ask(method: string, path: string, body?: object): Promise<{ status: number; body: string }> {
  const sent = request({ socketPath: SOCKET, method, path, headers: { 'content-type': 'application/json' } });
  const answered = new Promise<{ status: number; body: string }>((resolve, reject) => {
    sent.on('error', reject);
    sent.on('response', (answer) => {
      text(answer).then((all) => resolve({ status: answer.statusCode ?? 0, body: all }), reject);
    });
  });
  sent.end(body === undefined ? undefined : JSON.stringify(body));
  return await answered;
}

async function must(method: string, path: string, body?: object): Promise<string> {
  const answer = await ask(method, path, body);
  if (answer.status >= 400) throw new Error(`${method} ${path}: ${answer.status} ${answer.body.trim()}`);
  return answer.body;
}

/** The engine mounts files of its own into every container, from a folder that has the container's id. */
async function ownId(): Promise<string> {
  const mounts = await readFile('/proc/self/mountinfo', 'utf8');
  const id = /\/containers\/([0-9a-f]{64})\//.exec(mounts)?.[1];
  if (id === undefined) throw new Error('it is not known which container this is');
  return id;
}

export async function openDockerEngine(): Promise<DockerEngine> {
  const own = JSON.parse(await must('GET', `/containers/${await ownId()}/json`)) as Container;
  const project = own.Config.Labels[PROJECT_LABEL];

  async function containerOf(service: string): Promise<string> {
    const filters = JSON.stringify({
      label: [`${PROJECT_LABEL}=${project}`, `${SERVICE_LABEL}=${service}`],
    });
    const found = JSON.parse(
      await must('GET', `/containers/json?filters=${encodeURIComponent(filters)}`),
    ) as { Id: string }[];
    if (found[0] === undefined) throw new Error(`the service ${service} does not run`);
    return found[0].Id;
  }
  const change = async (how: 'connect' | 'disconnect', service: string, network: string) =>
    void (await must('POST', `/networks/${project}_${network}/${how}`, {
      Container: await containerOf(service),
    }));

  const filtered = (path: string, filters: object) =>
    must('GET', `${path}?all=1&filters=${encodeURIComponent(JSON.stringify(filters))}`);
  async function remove(image: string): Promise<void> {
    const { status, body } = await ask('DELETE', `/images/${image}?force=1`);
    if (status >= 400 && status !== 404) throw new Error(`${image} is not removed: ${status} ${body}`);
  }

  return {
    remove,
    async pull(repository, tag) {
      const query = new URLSearchParams({ fromImage: repository, tag });
      // A pull that fails on its way has begun with 200.
      for (const line of (await must('POST', `/images/create?${query}`)).trim().split('\n')) {
        const { error } = JSON.parse(line) as { error?: string };
        if (error !== undefined) throw new Error(`the engine cannot pull ${repository}:${tag}: ${error}`);
      }
      return (JSON.parse(await must('GET', `/images/${repository}:${tag}/json`)) as { Id: string }).Id;
    },
    cut: (service, network) => change('disconnect', service, network),
    async reconnect(service, network) {
      await change('connect', service, network).catch(() => {});
    },
    async addressOf(service, name) {
      const container = JSON.parse(
        await must('GET', `/containers/${await containerOf(service)}/json`),
      ) as Container;
      const address = container.NetworkSettings.Networks[name]?.IPAddress;
      if (!address) throw new Error(`the service ${service} is not on the network ${name}`);
      return address;
    },
    async containersWith(label) {
      const found = JSON.parse(await filtered('/containers/json', { label: [label] })) as {
        Names: string[];
      }[];
      return found.flatMap(({ Names }) => Names.map((each) => each.slice(1)));
    },
    async removeApplication(name) {
      const label = `io.local-datastore.deployment=${name}`;
      const containers = JSON.parse(await filtered('/containers/json', { label: [label] })) as {
        Id: string;
      }[];
      for (const { Id } of containers) await ask('DELETE', `/containers/${Id}?force=1&v=1`);
      const images = JSON.parse(await filtered('/images/json', { reference: [`eve_${name}`] })) as {
        RepoTags: string[] | null;
      }[];
      for (const { RepoTags } of images) for (const tag of RepoTags ?? []) await remove(tag);
    },
  };
}
