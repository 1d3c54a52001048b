import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { observeProcess } from './observe-process.ts';

it('tells what the process takes when it is asked', async () => {
  const registry = new Registry();
  observeProcess(registry);
  const text = await registry.metrics();
  const figure = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
  const startedAtSeconds = Date.now() / 1000 - process.uptime();
  expect(Math.abs(figure('process_start_time_seconds') - startedAtSeconds)).toBeLessThan(1);
  expect(figure('process_resident_memory_bytes')).toBeGreaterThan(figure('nodejs_heap_size_used_bytes'));
  expect(figure('process_cpu_seconds_total')).toBeGreaterThan(0);
  expect(figure('process_open_fds')).toBeGreaterThan(2);
  expect(figure('nodejs_external_memory_bytes')).toBeGreaterThan(0);
});
