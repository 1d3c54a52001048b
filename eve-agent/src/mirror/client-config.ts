// SPDX-License-Identifier: Apache-2.0
export const CLIENTS = ['docker', 'podman', 'containerd', 'k3s'] as const;
export type Client = (typeof CLIENTS)[number];

/** What stands in a text for the host of a datastore. */
const EXAMPLE = 'NAME.local';

/**
 * What makes a container engine of this host use the mirror.
 *
 * @param place where the mirror listens, such as `127.0.0.1:5055`
 */
export function clientConfig(client: Client, place: string): string {
  switch (client) {
    case 'docker':
      return [
        '# Docker asks loopback by http as it is: no file is needed. The datastore stands in the name.',
        `docker pull ${place}/${EXAMPLE}/group/app:1`,
        '# For what is on Docker Hub (eve-agent mirror --any tags), in /etc/docker/daemon.json:',
        `#   {"registry-mirrors": ["http://${place}"]}`,
        '',
      ].join('\n');
    case 'podman':
      return [
        `# /etc/containers/registries.conf.d/${EXAMPLE}.conf, one for each datastore;`,
        `# then: podman pull ${EXAMPLE}/group/app:1`,
        '[[registry]]',
        `location = "${EXAMPLE}"`,
        'insecure = true',
        '',
        '[[registry.mirror]]',
        `location = "${place}/${EXAMPLE}"`,
        'insecure = true',
        '',
      ].join('\n');
    case 'containerd':
      return [
        '# /etc/containerd/certs.d/_default/hosts.toml, where config_path is "/etc/containerd/certs.d";',
        `# then: ctr images pull --hosts-dir /etc/containerd/certs.d ${EXAMPLE}/group/app:1`,
        `[host."http://${place}"]`,
        '  capabilities = ["pull", "resolve"]',
        '',
      ].join('\n');
    case 'k3s':
      return [
        `# /etc/rancher/k3s/registries.yaml; restart k3s, and name images ${EXAMPLE}/group/app:1`,
        'mirrors:',
        '  "*":',
        '    endpoint:',
        `      - "http://${place}"`,
        '',
      ].join('\n');
  }
}
