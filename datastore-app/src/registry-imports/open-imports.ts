// SPDX-License-Identifier: Apache-2.0
import type { Log } from '@local-datastore/shared/log';
import { systemClock } from '@local-datastore/shared/system-clock';
import type { Registry } from '../blobs/open-registry.ts';
import type { RegistryStore } from '../blobs/registry-store.ts';
import type { NoteChange } from '../changes/change.ts';
import type { FindLocalHost } from '../upstream/find-local-host.ts';
import type { OpenUpstreams } from '../upstream/open-upstreams.ts';
import { createExternalRegistry } from './external-registry.ts';
import { createImportClients } from './import-clients.ts';
import { createImportJobs, type ImportJobs } from './import-jobs.ts';
import { createJobFiles } from './job-files.ts';

export interface Imports {
  readonly jobs: ImportJobs;
  /** The store, and what is in it as references alone. */
  readonly shown: RegistryStore;
}

/** Makes the imports that are asked for, into a store. */
export type OpenImports = (store: RegistryStore, registry: Pick<Registry, 'recordOf'>) => Imports;

/** @param upstreams whose flights bring blobs, so that each comes once whoever asks for it */
export function openImports(
  {
    log,
    note,
    findLocalHost,
    upstreams,
  }: {
    readonly log: Log;
    readonly note: NoteChange;
    readonly findLocalHost: FindLocalHost;
    readonly upstreams: Pick<OpenUpstreams, 'flights' | 'configured'>;
  },
  place: { readonly stateDirectory: string },
): OpenImports {
  return (store, { recordOf }) => {
    const flights = upstreams.flights();
    const createClient = createImportClients({ findLocalHost, upstreams: upstreams.configured }, place);
    const clock = systemClock;
    const files = createJobFiles({ log }, place);
    return {
      jobs: createImportJobs({ log, note, store, files, flights, createClient, clock, now: Date.now }),
      shown: createExternalRegistry({ log, store, recordOf, flights, createClient, clock }),
    };
  };
}
