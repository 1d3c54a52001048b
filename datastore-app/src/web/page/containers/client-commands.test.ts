// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { clientCommands, exportUrl, registryHost } from './client-commands.ts';

const PLAIN = { protocol: 'http:', host: 'ds.local:8080' };
const TLS = { protocol: 'https:', host: 'ds.local' };

describe('registryHost', () => {
  it.each([
    ['http:', 'ds.local', 'ds.local'],
    ['http:', 'ds.local:8080', 'ds.local:8080'],
    ['http:', '10.1.0.5', '10.1.0.5'],
    ['http:', '[fd00::5]', '[fd00::5]'],
    ['http:', 'localhost', 'localhost'],
    ['http:', 'ds', 'ds:80'],
    ['https:', 'ds', 'ds:443'],
    ['http:', 'ds:8080', 'ds:8080'],
  ])('%s//%s is %s', (protocol, host, expected) => {
    expect(registryHost({ protocol, host })).toBe(expected);
  });
});

describe('clientCommands', () => {
  const image = { repository: 'lab/cam/app', tag: '1.2', canPush: true };

  it('says to podman and skopeo that it is plain HTTP; docker is told by its configuration', () => {
    expect(clientCommands(PLAIN, image)).toEqual([
      {
        client: 'docker',
        pull: 'docker pull ds.local:8080/lab/cam/app:1.2',
        push: 'docker tag IMAGE ds.local:8080/lab/cam/app:1.2\ndocker push ds.local:8080/lab/cam/app:1.2',
      },
      {
        client: 'podman',
        pull: 'podman pull --tls-verify=false ds.local:8080/lab/cam/app:1.2',
        push: 'podman push --tls-verify=false IMAGE ds.local:8080/lab/cam/app:1.2',
      },
      {
        client: 'skopeo',
        pull: 'skopeo copy --all --src-tls-verify=false docker://ds.local:8080/lab/cam/app:1.2 oci-archive:app-1.2.tar',
        push: 'skopeo copy --all --dest-tls-verify=false oci-archive:app-1.2.tar docker://ds.local:8080/lab/cam/app:1.2',
      },
      {
        client: 'eve-agent',
        pull: 'eve-agent download docker://ds.local:8080/lab/cam/app:1.2',
        push: undefined,
      },
    ]);
  });

  it('verifies over HTTPS', () => {
    expect(JSON.stringify(clientCommands(TLS, image))).not.toContain('tls-verify');
  });

  it('pushes nowhere where nothing can be pushed', () => {
    const commands = clientCommands(TLS, { ...image, canPush: false });
    expect(commands.every(({ push }) => push === undefined)).toBe(true);
  });
});

describe('exportUrl', () => {
  it.each([
    ['oci-archive', undefined, 'lab/app:1?format=oci-archive'],
    ['docker-archive', 'linux/arm64', 'lab/app:1?format=docker-archive&platform=linux%2Farm64'],
  ] as const)('as %s for %s', (form, platform, expected) => {
    expect(exportUrl('lab/app', '1', form, platform)).toBe(`/-/api/v1/registry/export/${expected}`);
  });
});
