// SPDX-License-Identifier: Apache-2.0
/** Metrics of both programs by the conventions, and what asks for them: dashboard, alerts, scrape configuration. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import { createActivity } from '../datastore-app/src/activity/activity.ts';
import { observeState } from '../datastore-app/src/activity/observe-state.ts';
import { metricsText } from '../eve-agent/src/api/metrics.ts';
import { createTally } from '../eve-agent/src/reconcile/tally.ts';
import { lintMetrics, readFamilies } from './metric-conventions.ts';

const monitoring = new URL('../compose/monitoring/', import.meta.url);

function datastoreMetrics(): Promise<string> {
  const { metrics } = createActivity();
  observeState(metrics, {
    version: '1',
    catalogue: { counts: () => ({ hashing: 0, ready: 0, corrupt: 0 }), totalBytes: () => 0 },
    registryState: () => undefined,
    upstreams: { status: () => [], receivedBytes: () => 0 },
    imageUpstreams: { status: () => [], receivedBytes: () => 0 },
    runningDownloads: () => 0,
    disk: async () => ({ freeBytes: 0, totalBytes: 0 }),
    isReady: () => true,
    tlsStatus: () => undefined,
    parsing: () => ({ place: 'starting', reason: null, process: null }),
  });
  return metrics.text();
}

const agentMetrics = () =>
  metricsText({
    version: '1',
    processes: [{ name: 'net', state: 'running', pid: 1, user: 1, restarts: 0, layers: [], missing: [] }],
    ntp: {
      ...{ state: 'synchronized', watchedSince: null, refusal: null, server: null, servers: [] },
      ...{ offsetMs: 1, errorMs: 1, stratum: 2, frequencyPpm: null, steps: 0, lastStep: null },
    },
    contentTrees: [],
    tally: createTally(),
    isSeparated: true,
    isConfigurationRefused: false,
    apps: [],
    deployments: new Map(),
  });

/** What a query may ask of a scrape: the names, and of a histogram its buckets. */
async function askableNames(): Promise<Set<string>> {
  const families = [await datastoreMetrics(), agentMetrics()].flatMap(readFamilies);
  return new Set(families.map(({ name, type }) => (type === 'histogram' ? `${name}_bucket` : name)));
}
const askedIn = (expressions: readonly string[]) =>
  new Set(expressions.flatMap((text) => text.match(/\b(?:datastore|eve_agent|registry|process)_\w+/g) ?? []));

describe('the metrics', () => {
  it.each([
    ['datastore', datastoreMetrics],
    ['eve_agent', agentMetrics],
  ])('of %s keep to the conventions', async (prefix, scrape) => {
    expect(lintMetrics(await scrape(), prefix)).toEqual([]);
  });

  it.each([
    ['# HELP a_b_total Help.\n# TYPE a_b_total gauge\n', 'a_b_total is a gauge and ends in _total'],
    ['# HELP a_b Help.\n# TYPE a_b counter\n', 'a_b is a counter and does not end in _total'],
    ['# HELP a_ms Help.\n# TYPE a_ms gauge\n', 'a_ms has the unit ms: seconds expected'],
    [
      '# HELP a_bytes_sent Help.\n# TYPE a_bytes_sent gauge\n',
      'a_bytes_sent has its unit bytes not at the end',
    ],
    ['# TYPE a_b gauge\n', 'a_b has no sentence of help'],
    ['# HELP aB Help.\n# TYPE aB gauge\n', 'aB is not written in snake case with a prefix'],
    ['# HELP a_gauge Help.\n# TYPE a_gauge gauge\n', 'a_gauge has its type in its name'],
    ['', 'datastore_build_info is missing'],
  ])('would be told of %j', (text, problem) => {
    expect(lintMetrics(text, 'datastore')).toContain(problem);
  });
});

/** Prometheus's rule files, as far as alerts have them; strict, as Prometheus itself is. */
const rulesSchema = z.strictObject({
  groups: z.array(
    z.strictObject({
      name: z.string(),
      rules: z.array(
        z.strictObject({
          alert: z.string().regex(/^[A-Z][A-Za-z]+$/),
          expr: z.string(),
          for: z
            .string()
            .regex(/^\d+[smhd]$/)
            .optional(),
          labels: z.strictObject({ severity: z.enum(['critical', 'warning']) }),
          annotations: z.strictObject({
            summary: z.string(),
            runbook: z.string().regex(/^[A-Za-z].*\.$/),
            runbook_page: z.string(),
          }),
        }),
      ),
    }),
  ),
});

describe('the alerts', async () => {
  const { groups } = rulesSchema.parse(parse(await readFile(new URL('alerts.yaml', monitoring), 'utf8')));
  const rules = groups.flatMap((group) => group.rules);

  it('are of datastore, registry, agent and deployments, each by its name', () => {
    expect(groups.map(({ name }) => name)).toEqual(['datastore', 'registry', 'agent', 'deployments']);
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  });

  it('ask for metrics that exist', async () => {
    const names = await askableNames();
    const asked = askedIn(rules.map(({ expr }) => expr));
    expect(asked.size).toBeGreaterThan(15);
    expect([...asked].filter((name) => !names.has(name))).toEqual([]);
  });

  it.each(rules.map((rule) => [rule.alert, rule] as const))(
    '%s says what to do, on a page that is there',
    (_, rule) => {
      const [page = ''] = rule.annotations.runbook_page.split('#');
      expect(existsSync(join(import.meta.dirname, '..', page))).toBe(true);
      expect(rule.annotations.summary).toContain('{{ $');
    },
  );
});

/** Grafana's dashboards, as far as these have them. */
const dashboardSchema = z.object({
  title: z.string(),
  uid: z.string().regex(/^[\w-]{1,40}$/),
  templating: z.object({ list: z.array(z.object({ name: z.string(), query: z.string() })) }),
  panels: z.array(
    z.object({
      id: z.int(),
      title: z.string().min(1),
      type: z.enum(['stat', 'timeseries']),
      gridPos: z.strictObject({ x: z.int(), y: z.int(), w: z.int(), h: z.int() }),
      targets: z.array(z.object({ refId: z.string(), expr: z.string() })).min(1),
    }),
  ),
});

describe.each(['datastore', 'registry', 'agent', 'deployments'])('the dashboard of %s', async (name) => {
  const file = new URL(`dashboards/${name}.json`, monitoring);
  const { uid, templating, panels } = dashboardSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  const expressions = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));

  it('asks for metrics that exist, of the instances that are chosen', async () => {
    const asked = askedIn([...expressions, ...templating.list.map(({ query }) => query)]);
    const names = await askableNames();
    expect(asked.size).toBeGreaterThan(10);
    expect([...asked].filter((each) => !names.has(each))).toEqual([]);
    for (const expression of expressions) expect(expression).toContain('instance=~"$instance"');
  });

  it('has panels that do not cover each other', () => {
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)} ${y + Math.floor(i / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(panels.filter(({ gridPos: { x, w } }) => x + w > 24)).toEqual([]);
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    expect(uid).toMatch(/^local-datastore/);
  });
});

describe('the scrape configuration', async () => {
  const text = await readFile(new URL('prometheus.yaml', monitoring), 'utf8');
  const { scrape_configs: jobs, rule_files: rules } = parse(text);

  it('asks both programs where the metrics are, the agent by mutual TLS', () => {
    expect(jobs).toEqual([
      expect.objectContaining({ job_name: 'local-datastore', metrics_path: '/-/metrics' }),
      expect.objectContaining({
        ...{ job_name: 'eve-agent', metrics_path: '/metrics', scheme: 'https' },
        tls_config: {
          ca_file: expect.any(String),
          cert_file: expect.any(String),
          key_file: expect.any(String),
        },
      }),
    ]);
  });

  it('has the jobs that the alerts are about, and the alerts beside it', async () => {
    expect(rules).toEqual(['alerts.yaml']);
    const alerts = await readFile(new URL('alerts.yaml', monitoring), 'utf8');
    const named = [...alerts.matchAll(/job="([^"]+)"/g)].map(([, job]) => job);
    expect(named).toEqual(jobs.map(({ job_name: name }: { job_name: string }) => name));
  });
});
