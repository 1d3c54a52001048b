// SPDX-License-Identifier: Apache-2.0
import type { ProcessStatus } from '@local-datastore/shared/confinement/launcher/process-status';
import { Counter, Gauge } from 'prom-client';
import type { RegistryState } from '../blobs/registry-state.ts';
import type { Catalogue } from '../images/catalogue.ts';
import type { DiskSpace } from '../images/storage.ts';
import type { ParsingStatus } from '../sandbox/monitor/open-parser.ts';
import type { TlsStatus } from '../tls/certificate-source.ts';
import type { ImageUpstreams } from '../upstream/images/open-image-upstreams.ts';
import type { OpenUpstreams } from '../upstream/open-upstreams.ts';
import type { Metrics } from './metrics.ts';

export interface StateDeps {
  readonly version: string;
  readonly catalogue: Pick<Catalogue, 'counts' | 'totalBytes'>;
  /** undefined: the registry is off. */
  registryState(): RegistryState | undefined;
  readonly upstreams: Pick<OpenUpstreams, 'status' | 'receivedBytes'>;
  readonly imageUpstreams: Pick<ImageUpstreams, 'status' | 'receivedBytes'>;
  runningDownloads(): number;
  disk(): Promise<DiskSpace>;
  isReady(): boolean;
  parsing(): ParsingStatus;
  /** undefined: TLS is off. */
  tlsStatus(): TlsStatus | undefined;
}

const REGISTRY_GAUGES: readonly (readonly [
  name: string,
  help: string,
  read: (state: RegistryState) => number,
])[] = [
  ['datastore_registry_blobs', 'Blobs of container images, each once.', ({ blobs }) => blobs],
  ['datastore_registry_bytes', 'What they take.', ({ blobBytes }) => blobBytes],
  ['datastore_registry_trash_bytes', 'What the trash takes.', ({ trashBytes }) => trashBytes],
  ['datastore_registry_repositories', 'Repositories with manifests.', ({ repositories }) => repositories],
  ['datastore_registry_uploads', 'Uploads of blobs that are under way.', ({ uploads }) => uploads],
  [
    'datastore_registry_damaged_blobs',
    'Blobs that images need, damaged or missing.',
    ({ damaged }) => damaged,
  ],
  [
    'datastore_registry_unreadable_repositories',
    'Repositories whose records cannot be read.',
    ({ unreadable }) => unreadable.length,
  ],
];

const PROCESS_GAUGES: readonly (readonly [
  name: string,
  help: string,
  read: (status: ProcessStatus) => number,
])[] = [
  [
    'datastore_process_up',
    '1 when a process that holds no rights runs.',
    ({ state }) => (state === 'running' ? 1 : 0),
  ],
  [
    'datastore_process_layers_missing',
    'Layers of confinement that this host does not give a process.',
    ({ missing }) => missing.length,
  ],
];

/** Adds what is read when Prometheus asks: the state of images, disk and certificate. */
export function observeState({ registry }: Metrics, deps: StateDeps): void {
  const registers = [registry];
  new Gauge({
    name: 'datastore_build_info',
    help: 'Always 1; labels tell what runs.',
    labelNames: ['version'],
    registers,
  })
    .labels(deps.version)
    .set(1);
  new Gauge({
    name: 'datastore_downloads_in_flight',
    help: 'Images that are being sent.',
    registers,
    collect() {
      this.set(deps.runningDownloads());
    },
  });
  new Gauge({
    name: 'datastore_ready',
    help: '1 when /-/readyz says so.',
    registers,
    collect() {
      this.set(deps.isReady() ? 1 : 0);
    },
  });
  const images = new Gauge({
    name: 'datastore_images',
    help: 'Images by state.',
    labelNames: ['state'],
    registers,
    collect() {
      for (const [state, count] of Object.entries(deps.catalogue.counts())) images.labels(state).set(count);
    },
  });
  new Gauge({
    name: 'datastore_image_bytes',
    help: 'What all images take.',
    registers,
    collect() {
      this.set(deps.catalogue.totalBytes());
    },
  });
  new Gauge({
    name: 'datastore_disk_free_bytes',
    help: 'Free on the volume of images.',
    registers,
    async collect() {
      this.set((await deps.disk()).freeBytes);
    },
  });
  new Gauge({
    name: 'datastore_disk_size_bytes',
    help: 'Size of the volume of images.',
    registers,
    async collect() {
      this.set((await deps.disk()).totalBytes);
    },
  });
  new Gauge({
    name: 'datastore_tls_certificate_expiry_timestamp_seconds',
    help: 'When the TLS certificate expires; absent without TLS.',
    registers,
    collect() {
      const notAfter = deps.tlsStatus()?.notAfter;
      this.remove();
      if (notAfter !== undefined) this.set(Date.parse(notAfter) / 1000);
    },
  });
  new Counter({
    name: 'datastore_registry_imported_bytes_total',
    help: 'What has come from upstreams.',
    registers,
    collect() {
      this.reset();
      this.inc(deps.upstreams.receivedBytes());
    },
  });
  new Gauge({
    name: 'datastore_registry_upstream_up',
    help: '1 when an upstream answered the last time, 0 when it did not; absent until it is asked.',
    labelNames: ['prefix'],
    registers,
    collect() {
      this.reset();
      for (const { prefix, state } of deps.upstreams.status()) {
        if (state !== 'unasked') this.labels(prefix).set(state === 'reachable' ? 1 : 0);
      }
    },
  });
  new Counter({
    name: 'datastore_images_fetched_bytes_total',
    help: 'What has come of images from upstreams.',
    registers,
    collect() {
      this.reset();
      this.inc(deps.imageUpstreams.receivedBytes());
    },
  });
  new Gauge({
    name: 'datastore_image_upstream_up',
    help: '1 when an upstream of images answered the last time, 0 when it did not; absent until it is asked.',
    labelNames: ['upstream'],
    registers,
    collect() {
      this.reset();
      for (const { name, state } of deps.imageUpstreams.status()) {
        if (state !== 'unasked') this.labels(name).set(state === 'reachable' ? 1 : 0);
      }
    },
  });
  for (const [name, help, read] of PROCESS_GAUGES) {
    new Gauge({
      ...{ name, help, labelNames: ['process'], registers },
      collect() {
        const { process: confined } = deps.parsing();
        this.reset();
        if (confined !== null) this.labels(confined.name).set(read(confined));
      },
    });
  }
  new Counter({
    name: 'datastore_process_restarts_total',
    help: 'How often a process that holds no rights ended and was started again.',
    labelNames: ['process'],
    registers,
    collect() {
      const { process: confined } = deps.parsing();
      this.reset();
      if (confined !== null) this.labels(confined.name).inc(confined.restarts);
    },
  });
  for (const [name, help, read] of REGISTRY_GAUGES) {
    new Gauge({
      ...{ name, help, registers },
      collect() {
        const state = deps.registryState();
        this.remove();
        if (state !== undefined) this.set(read(state));
      },
    });
  }
  new Counter({
    name: 'datastore_registry_collected_bytes_total',
    help: 'What belonged to no image and was moved to the trash.',
    registers,
    collect() {
      const state = deps.registryState();
      this.reset();
      if (state !== undefined) this.inc(state.collectedBytes);
    },
  });
}
