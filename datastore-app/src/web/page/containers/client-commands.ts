// SPDX-License-Identifier: Apache-2.0
/** Where the page was asked from. */
export interface Asked {
  readonly protocol: string;
  readonly host: string;
}

export interface ClientCommands {
  readonly client: string;
  readonly pull: string;
  /** undefined: it pulls alone, or nothing can be pushed there. */
  readonly push: string | undefined;
}

/**
 * The registry's name for clients. They take a first part without dot and colon for a repository of Docker Hub, so
 * such a host gets its port.
 */
export function registryHost({ protocol, host }: Asked): string {
  if (/[.:]/.test(host) || host === 'localhost') return host;
  return `${host}:${protocol === 'https:' ? 443 : 80}`;
}

export const imageName = (asked: Asked, repository: string, tag: string): string =>
  `${registryHost(asked)}/${repository}:${tag}`;

/** `lab/cam/app` and `1.2` → `app-1.2`. */
const fileStem = (repository: string, tag: string) =>
  `${repository.slice(repository.lastIndexOf('/') + 1)}-${tag}`;

/** How each client pulls the image, and pushes to its name. */
export function clientCommands(
  asked: Asked,
  {
    repository,
    tag,
    canPush,
  }: { readonly repository: string; readonly tag: string; readonly canPush: boolean },
): ClientCommands[] {
  const name = imageName(asked, repository, tag);
  const isPlain = asked.protocol !== 'https:';
  const stem = fileStem(repository, tag);
  const push = (lines: string) => (canPush ? lines : undefined);
  const podman = isPlain ? ' --tls-verify=false' : '';
  const skopeo = (end: 'src' | 'dest') => (isPlain ? ` --${end}-tls-verify=false` : '');
  return [
    {
      client: 'docker',
      pull: `docker pull ${name}`,
      push: push(`docker tag IMAGE ${name}\ndocker push ${name}`),
    },
    {
      client: 'podman',
      pull: `podman pull${podman} ${name}`,
      push: push(`podman push${podman} IMAGE ${name}`),
    },
    {
      client: 'skopeo',
      pull: `skopeo copy --all${skopeo('src')} docker://${name} oci-archive:${stem}.tar`,
      push: push(`skopeo copy --all${skopeo('dest')} oci-archive:${stem}.tar docker://${name}`),
    },
    { client: 'eve-agent', pull: `eve-agent download docker://${name}`, push: undefined },
  ];
}

/** Where the export of an image is downloaded. */
export function exportUrl(
  repository: string,
  tag: string,
  form: 'oci-archive' | 'docker-archive',
  platform: string | undefined,
): string {
  const query = new URLSearchParams({ format: form, ...(platform !== undefined && { platform }) });
  return `/-/api/v1/registry/export/${repository}:${tag}?${query}`;
}
