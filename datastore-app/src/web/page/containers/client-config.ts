// SPDX-License-Identifier: Apache-2.0
import { type Asked, registryHost } from './client-commands.ts';

export interface ClientConfiguration {
  readonly client: string;
  /** What has to be done, and where, in a sentence. */
  readonly hint: string;
  /** The lines of a file, or for a shell. */
  readonly text: string;
}

const certsOf = (folder: string, host: string) => `sudo install -D -m 644 ca.pem ${folder}/${host}/ca.crt\n`;

/** Where ca.pem is put on the machine of a client that has no folder for it. */
const AUTHORITY_FILE = '/etc/ssl/certs/datastore-ca.pem';
const withAuthority = (authority: string | undefined) =>
  authority === undefined ? '' : ` Put ca.pem at ${authority}.`;

const dockerPlain = (host: string): ClientConfiguration => ({
  client: 'Docker',
  hint: 'In /etc/docker/daemon.json, beside what is there; then restart Docker.',
  text: `{ "insecure-registries": ["${host}"] }\n`,
});

const podmanPlain = (host: string): ClientConfiguration => ({
  client: 'Podman',
  hint: 'In /etc/containers/registries.conf.d/datastore.conf; for buildah and skopeo too.',
  text: `[[registry]]\nlocation = "${host}"\ninsecure = true\n`,
});

function containerd(origin: string, host: string, authority: string | undefined): ClientConfiguration {
  const trust = authority === undefined ? '' : `ca = "${authority}"\n`;
  return {
    client: 'containerd',
    hint: `In /etc/containerd/certs.d/${host}/hosts.toml, where config_path is /etc/containerd/certs.d.${withAuthority(authority)}`,
    text: `server = "${origin}"\n[host."${origin}"]\ncapabilities = ["pull", "resolve", "push"]\n${trust}`,
  };
}

function k3s(origin: string, host: string, authority: string | undefined): ClientConfiguration {
  const trust = authority === undefined ? '' : `configs:\n  "${host}":\n    tls: { ca_file: ${authority} }\n`;
  return {
    client: 'k3s',
    hint: `In /etc/rancher/k3s/registries.yaml; then restart k3s.${withAuthority(authority)}`,
    text: `mirrors:\n  "${host}":\n    endpoint: ["${origin}"]\n${trust}`,
  };
}

/** Of a certificate that clients trust by themselves. */
const nothing = (client: string, host: string): ClientConfiguration => ({
  client,
  hint: 'Nothing has to be set, where the machine trusts the authority that issued the certificate. Try it:',
  text: `curl https://${host}/v2/\n`,
});

/**
 * What clients need for just the scheme, host and port that the page was asked by: they take the registry's name for
 * what stands in the names of images, port and all.
 *
 * @param hasAuthority whether the certificate is of the datastore's own authority
 */
export function clientConfigurations(asked: Asked, hasAuthority: boolean): ClientConfiguration[] {
  const host = registryHost(asked);
  const origin = `${asked.protocol}//${host}`;
  if (asked.protocol !== 'https:') {
    return [
      dockerPlain(host),
      podmanPlain(host),
      containerd(origin, host, undefined),
      k3s(origin, host, undefined),
    ];
  }
  if (!hasAuthority) {
    return [
      nothing('Docker', host),
      nothing('Podman', host),
      containerd(origin, host, undefined),
      k3s(origin, host, undefined),
    ];
  }
  return [
    {
      client: 'Docker',
      hint: 'With ca.pem, for this name and port; Docker needs no restart.',
      text: certsOf('/etc/docker/certs.d', host),
    },
    {
      client: 'Podman',
      hint: 'With ca.pem, for this name and port; for buildah and skopeo too.',
      text: certsOf('/etc/containers/certs.d', host),
    },
    containerd(origin, host, AUTHORITY_FILE),
    k3s(origin, host, AUTHORITY_FILE),
  ];
}
