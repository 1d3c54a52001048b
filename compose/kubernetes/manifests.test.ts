// SPDX-License-Identifier: Apache-2.0
/** The kustomization: each manifest by the rules of its fields, and all of them together with what they name. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import datastoreJson from '../../datastore-app/package.json' with { type: 'json' };
import { SERVE_OPTIONS } from '../../datastore-app/src/config.ts';
import { kustomizationSchema, manifestSchema, type Workload } from './manifest-schema.ts';

const read = (file: string) => readFileSync(join(import.meta.dirname, file), 'utf8');
const kustomization = kustomizationSchema.parse(parse(read('kustomization.yaml')));
const documents = kustomization.resources.flatMap((file) =>
  parseAllDocuments(read(file)).map((document) => document.toJS() as unknown),
);
const manifests = documents.map((document) => manifestSchema.parse(document));
const workloads = manifests.filter(
  (each): each is Workload => each.kind === 'Deployment' || each.kind === 'DaemonSet',
);
const dockerfile = readFileSync(join(import.meta.dirname, '../Dockerfile'), 'utf8');

const bytesOf = (quantity: string) => {
  const [, number, unit] = /^(\d+)(Gi?)$/.exec(quantity) ?? [];
  return Number(number) * (unit === 'Gi' ? 2 ** 30 : 1e9);
};

describe('the manifests', () => {
  it('make the namespace that all of them go into', () => {
    const namespaces = manifests.filter(({ kind }) => kind === 'Namespace');
    expect(namespaces.map(({ metadata }) => metadata.name)).toEqual([kustomization.namespace]);
  });

  it('are a datastore and a mirror, of images that are built here, in this version', () => {
    expect(workloads.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
      'Deployment datastore',
      'DaemonSet mirror',
    ]);
    const images = workloads.flatMap(({ spec }) => spec.template.spec.containers.map(({ image }) => image));
    expect(images).toEqual(kustomization.images.map(({ name }) => name));
    for (const { name, newTag } of kustomization.images) {
      expect(newTag).toBe(datastoreJson.version);
      expect(dockerfile).toContain(` AS ${name.split('/')[1]}\n`);
    }
  });

  it('set what `serve` takes', () => {
    const [file = ''] = kustomization.configMapGenerator.flatMap(({ files }) => files);
    const names = new Set(SERVE_OPTIONS.map(({ flags }) => /--([\w-]+)/.exec(flags)?.[1]));
    const settings = Object.entries(parse(read(file)));
    expect(settings).not.toEqual([]);
    expect(settings.filter(([name]) => !names.has(name))).toEqual([]);
  });

  it.each(workloads.map((workload) => [workload.metadata.name, workload] as const))(
    '%s names only what is there',
    (_, { spec: { selector, template } }) => {
      expect(template.metadata.labels).toMatchObject(selector.matchLabels);
      const { containers, volumes } = template.spec;
      const claims = manifests.filter(({ kind }) => kind === 'PersistentVolumeClaim');
      for (const { persistentVolumeClaim, configMap } of volumes) {
        if (persistentVolumeClaim !== undefined) {
          expect(claims.map(({ metadata }) => metadata.name)).toContain(persistentVolumeClaim.claimName);
        }
        if (configMap !== undefined) {
          expect(kustomization.configMapGenerator.map(({ name }) => name)).toContain(configMap.name);
        }
      }
      for (const { volumeMounts, ports = [], startupProbe, readinessProbe, livenessProbe } of containers) {
        expect(volumeMounts.map(({ name }) => name).sort()).toEqual(volumes.map(({ name }) => name).sort());
        for (const probe of [startupProbe, readinessProbe, livenessProbe]) {
          if (typeof probe?.httpGet.port !== 'string') continue;
          expect(ports.map(({ name }) => name)).toContain(probe.httpGet.port);
        }
      }
    },
  );

  it('mount the datastore’s volumes where its image keeps them, and its settings where it looks', () => {
    const [datastore] = workloads.flatMap(({ spec }) => spec.template.spec.containers);
    const mounts = datastore?.volumeMounts.map(({ mountPath }) => mountPath) ?? [];
    const [, declared = '[]'] = [...dockerfile.matchAll(/^VOLUME (\[.*\])$/gm)].at(-1) ?? [];
    expect(mounts).toEqual([...JSON.parse(declared), '/etc/datastore']);
    expect(datastore?.args).toEqual(['serve', '--config', '/etc/datastore/settings.yaml']);
  });

  it('let the mirror fill less than its volume holds, on loopback alone, where its probes ask', () => {
    const mirror = workloads[1]?.spec.template.spec;
    const { args = [], readinessProbe, livenessProbe } = mirror?.containers[0] ?? {};
    const optionOf = (option: string) => args[args.indexOf(option) + 1] ?? '';
    const [address, port] = optionOf('--listen').split(':');
    expect(address).toBe('127.0.0.1');
    for (const probe of [readinessProbe, livenessProbe]) {
      expect(probe?.httpGet).toMatchObject({ host: address, port: Number(port) });
    }
    expect(bytesOf(optionOf('--cache-size'))).toBeLessThan(
      bytesOf(mirror?.volumes[0]?.emptyDir?.sizeLimit ?? '0'),
    );
  });
});

describe('what is no manifest', () => {
  const text = JSON.stringify(workloads[0]);
  const isManifest = (json: string) => manifestSchema.safeParse(JSON.parse(json)).success;

  it.each([
    ['a field that is misspelt', '"hostNetwork":true', '"hostNetworks":true'],
    ['a field of the pod at the workload', '"replicas":1', '"replicas":1,"hostNetwork":true'],
    [
      'a probe without a place',
      '"livenessProbe":{"httpGet":{"path":"/-/livez",',
      '"livenessProbe":{"httpGet":{',
    ],
    ['a port of the host that is another', '"hostPort":80', '"hostPort":8080'],
    ['a capability with its prefix', '"CHOWN"', '"CAP_CHOWN"'],
    ['a volume of two sources', '"configMap":{', '"emptyDir":{"sizeLimit":"1Gi"},"configMap":{'],
    ['a quantity that is none', '"memory":"512Mi"', '"memory":"512MB"'],
    ['an API of another version', '"apps/v1"', '"extensions/v1beta1"'],
  ])('%s', (_, right, wrong) => {
    expect(isManifest(text)).toBe(true);
    expect(text).toContain(right);
    expect(isManifest(text.replace(right, wrong))).toBe(false);
  });
});
