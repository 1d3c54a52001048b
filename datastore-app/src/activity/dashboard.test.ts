import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { createActivity } from './activity.ts';
import { observeState } from './observe-state.ts';

const monitoring = new URL('../../../compose/monitoring/', import.meta.url);

/** The names that a scrape brings, and the series of a histogram. */
async function scrapedNames(): Promise<Set<string>> {
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
  const names = [...(await metrics.text()).matchAll(/^# TYPE (\w+) (\w+)$/gm)];
  return new Set(
    names.flatMap(([, name = '', type]) => (type === 'histogram' ? [`${name}_bucket`] : [name])),
  );
}

it('asks in the dashboard for metrics that exist', async () => {
  const dashboard = JSON.parse(await readFile(new URL('grafana-dashboard.json', monitoring), 'utf8'));
  const expressions = dashboard.panels.flatMap((panel: { targets: { expr: string }[] }) =>
    panel.targets.map(({ expr }) => expr),
  );
  const asked = new Set(
    expressions.flatMap((text: string) => text.match(/\b(?:datastore|process)_\w+/g) ?? []),
  );
  const scraped = await scrapedNames();
  expect(asked.size).toBeGreaterThan(10);
  expect([...asked].filter((name) => !scraped.has(name as string))).toEqual([]);
});

it('scrapes where the metrics are', async () => {
  const { scrape_configs: jobs } = parse(await readFile(new URL('prometheus.yaml', monitoring), 'utf8'));
  expect(jobs).toEqual([expect.objectContaining({ metrics_path: '/-/metrics' })]);
});
