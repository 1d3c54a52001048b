import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { FinishedRequest } from '../http/observe-requests.ts';
import type { Catalogue } from '../images/catalogue.ts';

export interface MetricsDeps {
  readonly version: string;
  readonly catalogue: Catalogue;
  runningDownloads(): number;
  disk(): Promise<{ readonly freeBytes: number; readonly totalBytes: number }>;
  isReady(): boolean;
  /** undefined: TLS is off. */
  certificateExpiry(): Date | undefined;
}

/** What the datastore counts, for Prometheus. */
export interface Metrics {
  /** The media type of {@link Metrics.text}. */
  readonly contentType: string;
  noteRequest(request: FinishedRequest): void;
  noteMdnsQuery(networkInterface: string): void;
  noteMdnsConflict(networkInterface: string): void;
  text(): Promise<string>;
}

/** From a small file in the kernel's cache to gigabytes on a slow link. */
const DURATION_BUCKETS = [0.005, 0.025, 0.1, 0.5, 2, 10, 60, 300, 1800];

export function createMetrics(deps: MetricsDeps): Metrics {
  const registers = [new Registry()];
  const [registry] = registers as [Registry];
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'datastore_info',
    help: 'Always 1; labels tell what runs.',
    labelNames: ['version'],
    registers,
  })
    .labels(deps.version)
    .set(1);

  const requests = new Counter({
    name: 'datastore_http_requests_total',
    help: 'Requests that ended, by method, kind of path and status.',
    labelNames: ['method', 'kind', 'code'],
    registers,
  });
  const durations = new Histogram({
    name: 'datastore_http_request_duration_seconds',
    help: 'From the head of a request to the end of its answer.',
    labelNames: ['kind'],
    buckets: DURATION_BUCKETS,
    registers,
  });
  const sent = new Counter({
    name: 'datastore_http_sent_bytes_total',
    help: 'Bytes of answers handed to the network, heads included.',
    labelNames: ['kind'],
    registers,
  });
  const received = new Counter({
    name: 'datastore_http_received_bytes_total',
    help: 'Bytes of requests, heads included.',
    labelNames: ['kind'],
    registers,
  });
  const broken = new Counter({
    name: 'datastore_http_broken_responses_total',
    help: 'Answers that were cut before their end.',
    labelNames: ['kind'],
    registers,
  });
  const queries = new Counter({
    name: 'datastore_mdns_queries_total',
    help: 'Multicast DNS queries heard.',
    labelNames: ['interface'],
    registers,
  });
  const conflicts = new Counter({
    name: 'datastore_mdns_conflicts_total',
    help: 'Times that another host was found to use our name.',
    labelNames: ['interface'],
    registers,
  });

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
      images.reset();
      for (const state of ['hashing', 'ready']) images.labels(state).set(0);
      for (const { state } of deps.catalogue.list()) images.labels(state).inc();
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
      const expiry = deps.certificateExpiry();
      this.remove();
      if (expiry !== undefined) this.set(expiry.getTime() / 1000);
    },
  });

  return {
    contentType: registry.contentType,
    noteRequest({ method, kind, status, sentBytes, receivedBytes, durationMs, isComplete }) {
      requests.labels(method, kind, String(status)).inc();
      durations.labels(kind).observe(durationMs / 1000);
      sent.labels(kind).inc(sentBytes);
      received.labels(kind).inc(receivedBytes);
      if (!isComplete) broken.labels(kind).inc();
    },
    noteMdnsQuery: (networkInterface) => queries.labels(networkInterface).inc(),
    noteMdnsConflict: (networkInterface) => conflicts.labels(networkInterface).inc(),
    text: () => registry.metrics(),
  };
}
