// SPDX-License-Identifier: Apache-2.0
import { isDoctorProbe } from '@local-datastore/shared/http/products';
import { Counter, Registry } from 'prom-client';
import type { FinishedRequest } from './finished-request.ts';
import { observeProcess } from './observe-process.ts';
import { registerDurations } from './request-durations.ts';

/** What the datastore counts, for Prometheus. */
export interface Metrics {
  /** The media type of {@link Metrics.text}. */
  readonly contentType: string;
  noteRequest(request: FinishedRequest): void;
  /** @param operation such as `GET manifest`, of a closed set */
  noteRegistryRequest(operation: string, status: number): void;
  noteMdnsQuery(networkInterface: string): void;
  noteMdnsConflict(networkInterface: string): void;
  text(): Promise<string>;
  /** Where more can be registered. */
  readonly registry: Registry;
}

/** From a small file in the kernel's cache to gigabytes on a slow link. */
const DURATION_BUCKETS = [0.005, 0.025, 0.1, 0.5, 2, 10, 60, 300, 1800];

/** Requests of one method, kind and status. */
interface TallyRow {
  readonly method: string;
  readonly kind: string;
  readonly status: number;
  requests: number;
  sentBytes: number;
  receivedBytes: number;
  broken: number;
}

/** Counts requests in plain numbers: a counter's labels cost more than a small file, so they wait for a scrape. */
function createTally() {
  const rows = new Map<string, TallyRow>();
  let last: TallyRow | undefined;

  function rowOf({ method, kind, status }: FinishedRequest): TallyRow {
    const key = `${method} ${kind} ${status}`;
    let row = rows.get(key);
    if (row === undefined) {
      row = { method, kind, status, requests: 0, sentBytes: 0, receivedBytes: 0, broken: 0 };
      rows.set(key, row);
    }
    return row;
  }

  return {
    add(request: FinishedRequest): void {
      const { method, kind, status, sentBytes, receivedBytes, isComplete, userAgent } = request;
      // Most are as the one before.
      const isAsLast = last?.kind === kind && last.method === method && last.status === status;
      const row = last !== undefined && isAsLast ? last : rowOf(request);
      last = row;
      row.requests += 1;
      row.sentBytes += sentBytes;
      row.receivedBytes += receivedBytes;
      if (!isComplete && !isDoctorProbe(userAgent)) row.broken += 1;
    },
    rows: () => [...rows.values()],
  };
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  observeProcess(registry);

  const noteDuration = registerDurations(registry, {
    name: 'datastore_http_request_duration_seconds',
    help: 'From the head of a request to the end of its answer.',
    buckets: DURATION_BUCKETS,
  });
  const tally = createTally();
  for (const [name, help, field] of [
    ['datastore_http_requests_total', 'Requests that ended, by method, kind of path and status.', 'requests'],
    [
      'datastore_http_sent_bytes_total',
      'Bytes of answers handed to the network, heads included.',
      'sentBytes',
    ],
    ['datastore_http_received_bytes_total', 'Bytes of requests, heads included.', 'receivedBytes'],
    [
      'datastore_http_broken_responses_total',
      'Answers that were cut before their end, other than by the doctor.',
      'broken',
    ],
  ] as const) {
    const labelNames = field === 'requests' ? ['method', 'kind', 'code'] : ['kind'];
    new Counter({
      ...{ name, help, labelNames, registers },
      collect() {
        this.reset();
        for (const { method, kind, status, ...counts } of tally.rows()) {
          const labels = field === 'requests' ? { method, kind, code: String(status) } : { kind };
          this.inc(labels, counts[field]);
        }
      },
    });
  }
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

  const registryTally = new Map<string, number>();
  new Counter({
    name: 'registry_requests_total',
    help: 'Requests to the registry of container images that ended, by method with kind of resource, and status.',
    labelNames: ['op', 'code'],
    registers,
    collect() {
      this.reset();
      for (const [key, count] of registryTally) {
        const [op = '', code = ''] = key.split('\t');
        this.inc({ op, code }, count);
      }
    },
  });

  return {
    contentType: registry.contentType,
    noteRequest(request) {
      tally.add(request);
      noteDuration(request.kind, request.durationMs / 1000);
    },
    noteRegistryRequest(operation, status) {
      const key = `${operation}\t${status}`;
      registryTally.set(key, (registryTally.get(key) ?? 0) + 1);
    },
    noteMdnsQuery: (networkInterface) => queries.labels(networkInterface).inc(),
    noteMdnsConflict: (networkInterface) => conflicts.labels(networkInterface).inc(),
    text: () => registry.metrics(),
    registry,
  };
}
