// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { clientConfigurations } from './client-config.ts';

const textsOf = (protocol: string, host: string, hasAuthority = false) =>
  Object.fromEntries(
    clientConfigurations({ protocol, host }, hasAuthority).map(({ client, text, hint }) => [
      client,
      { text, hint },
    ]),
  );

describe('clientConfigurations', () => {
  it.each(['ds.local', 'ds.local:8080', '10.1.0.5:8080'])('of %s over plain HTTP', (host) => {
    const texts = textsOf('http:', host);
    expect(JSON.parse(texts.Docker?.text ?? '')).toEqual({ 'insecure-registries': [host] });
    expect(texts.Podman?.text).toBe(`[[registry]]\nlocation = "${host}"\ninsecure = true\n`);
    expect(texts.containerd?.hint).toContain(`/etc/containerd/certs.d/${host}/hosts.toml`);
    expect(texts.containerd?.text).toBe(
      `server = "http://${host}"\n[host."http://${host}"]\ncapabilities = ["pull", "resolve", "push"]\n`,
    );
    expect(texts.k3s?.text).toBe(`mirrors:\n  "${host}":\n    endpoint: ["http://${host}"]\n`);
  });

  it('gives the authority to each, for just this name and port', () => {
    const texts = textsOf('https:', 'ds.local:8443', true);
    expect(texts.Docker?.text).toContain('/etc/docker/certs.d/ds.local:8443/ca.crt');
    expect(texts.Podman?.text).toContain('/etc/containers/certs.d/ds.local:8443/ca.crt');
    expect(texts.containerd?.text).toMatch(/^server = "https:\/\/ds.local:8443"\n(.*\n)*ca = ".*ca.pem"\n$/);
    expect(texts.k3s?.text).toMatch(/"ds.local:8443":\n {4}tls: \{ ca_file: .*ca.pem \}\n$/);
  });

  it('gives no authority where somebody else issued the certificate', () => {
    expect(JSON.stringify(textsOf('https:', 'ds.local'))).not.toMatch(/ca\.pem|insecure/);
  });

  it('gives a host without dot its port, as in the names of images', () => {
    expect(textsOf('http:', 'ds').Docker?.text).toContain('"ds:80"');
  });
});
