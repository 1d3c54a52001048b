import { Gauge } from 'prom-client';
import type { Catalogue } from '../images/catalogue.ts';
import type { DiskSpace } from '../images/storage.ts';
import type { TlsStatus } from '../tls/certificate-source.ts';
import type { Metrics } from './metrics.ts';

export interface StateDeps {
  readonly version: string;
  readonly catalogue: Pick<Catalogue, 'counts' | 'totalBytes'>;
  runningDownloads(): number;
  disk(): Promise<DiskSpace>;
  isReady(): boolean;
  /** undefined: TLS is off. */
  tlsStatus(): TlsStatus | undefined;
}

/** Adds what is read when Prometheus asks: the state of images, disk and certificate. */
export function observeState({ registry }: Metrics, deps: StateDeps): void {
  const registers = [registry];
  new Gauge({
    name: 'datastore_info',
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
}
