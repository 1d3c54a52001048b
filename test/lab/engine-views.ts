// SPDX-License-Identifier: Apache-2.0
/** What an engine has, by its API: each command of its client would take the processor for as long as many of these. */
import type { RunningEngine } from './docker-engine.ts';
import { askSocket } from './socket-request.ts';

type Engine = Pick<RunningEngine, 'socket'>;

/** Of `GET /containers/{id}/json`. */
export interface ShownContainer {
  readonly Id: string;
  /** With a slash before it. */
  readonly Name: string;
  readonly State: {
    readonly Status: string;
    readonly Running: boolean;
    readonly Pid: number;
    readonly StartedAt: string;
  };
  readonly HostConfig: { readonly RestartPolicy: { readonly Name: string } };
}

/** @returns null: there is none, or no engine answers */
export const inspectContainer = ({ socket }: Engine, nameOrId: string): Promise<ShownContainer | null> =>
  askSocket(socket, `/containers/${nameOrId}/json`).then(
    (shown) => shown as ShownContainer,
    () => null,
  );

/** All that there are, also those that do not run. @throws Error: no engine answers */
export async function listContainers({ socket }: Engine) {
  const listed = (await askSocket(socket, '/containers/json?all=1')) as {
    readonly Id: string;
    readonly Names: readonly string[];
    readonly State: string;
  }[];
  return listed.map(({ Id, Names, State }) => ({ id: Id, name: Names[0]?.slice(1) ?? '', state: State }));
}

/** All images, a line of tag and id for each tag, sorted. @throws Error: no engine answers */
export async function listImages({ socket }: Engine): Promise<string[]> {
  const listed = (await askSocket(socket, '/images/json?all=1')) as {
    readonly Id: string;
    readonly RepoTags: readonly string[] | null;
  }[];
  return listed
    .flatMap(({ Id, RepoTags }) => (RepoTags?.length ? RepoTags : ['<none>']).map((tag) => `${tag} ${Id}`))
    .sort();
}

/** @throws Error: no engine answers, or there is none */
export const inspectImage = async ({ socket }: Engine, nameOrId: string) =>
  (await askSocket(socket, `/images/${nameOrId}/json`)) as {
    readonly Id: string;
    readonly RootFS: { readonly Layers: readonly string[] };
  };

/** With all their names. @throws Error: no engine answers */
export async function removeAllImages(engine: Engine): Promise<void> {
  const ids = (await listImages(engine)).map((line) => line.split(' ')[1]);
  for (const id of new Set(ids)) await askSocket(engine.socket, `/images/${id}?force=1`, undefined, 'DELETE');
}

/** With what it runs, and its volumes without a name. @throws Error: no engine answers, or there is none */
export async function removeContainer({ socket }: Engine, nameOrId: string): Promise<void> {
  await askSocket(socket, `/containers/${nameOrId}?force=1&v=1`, undefined, 'DELETE');
}

/** Where there are some, and an engine that answers. */
export async function removeAllContainers(engine: Engine): Promise<void> {
  const left = await listContainers(engine).catch(() => []);
  for (const { id } of left) await removeContainer(engine, id);
}

/** Gives an image another name, `repository:tag`. @throws Error: no engine answers, or there is no such image */
export async function tagImage({ socket }: Engine, image: string, name: string): Promise<void> {
  const [repo = '', tag = ''] = name.split(':');
  await askSocket(socket, `/images/${image}/tag?${new URLSearchParams({ repo, tag })}`, '');
}
