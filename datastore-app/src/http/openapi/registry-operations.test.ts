// SPDX-License-Identifier: Apache-2.0
import { silentLog } from '@local-datastore/shared/log';
import { parseRegistryPath } from '@local-datastore/shared/oci/registry-path';
import { expect, it } from 'vitest';
import { createRegistryResources, type RegistryHandlerDeps } from '../../registry/registry-handler.ts';
import { REGISTRY_OPERATIONS } from './registry-operations.ts';

const EXAMPLES: Readonly<Record<string, string>> = {
  name: 'lab/app',
  reference: 'latest',
  digest: `sha256:${'0'.repeat(64)}`,
  id: '0'.repeat(32),
};

it('describes every method of every resource, and none that is not there', () => {
  const resources = createRegistryResources({ log: silentLog } as unknown as RegistryHandlerDeps);
  const there = Object.entries(resources).flatMap(([kind, methods]) =>
    // HEAD is GET without the body.
    Object.keys(methods).flatMap((method) => (method === 'HEAD' ? [] : `${method} ${kind}`)),
  );
  const described = REGISTRY_OPERATIONS.map(({ method, path }) => {
    const urlPath = path.replace(/\{(\w+)\}/g, (_all, name: string) => EXAMPLES[name] ?? '');
    return `${method} ${parseRegistryPath(urlPath).kind}`;
  });
  expect(described.sort()).toEqual(there.sort());
});

it('names every parameter of a path', () => {
  for (const { path, parameters = [] } of REGISTRY_OPERATIONS) {
    const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const described = parameters.filter((each) => each.in === 'path').map(({ name }) => name);
    expect(described).toEqual(names);
  }
});
