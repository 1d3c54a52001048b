import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client';
import type { FinishedRequest } from './finished-request.ts';

/** What the datastore counts, for Prometheus. */
export interface Metrics {
  /** The media type of {@link Metrics.text}. */
  readonly contentType: string;
  noteRequest(request: FinishedRequest): void;
  noteMdnsQuery(networkInterface: string): void;
  noteMdnsConflict(networkInterface: string): void;
  text(): Promise<string>;
  /** Where more can be registered. */
  readonly registry: Registry;
}

/** From a small file in the kernel's cache to gigabytes on a slow link. */
const DURATION_BUCKETS = [0.005, 0.025, 0.1, 0.5, 2, 10, 60, 300, 1800];

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });

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
    registry,
  };
}
