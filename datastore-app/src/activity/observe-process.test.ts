// SPDX-License-Identifier: Apache-2.0
import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { observeProcess } from './observe-process.ts';

it('tells what the process takes when it is asked', async () => {
  const registry = new Registry();
  observeProcess(registry);
  const before = { wallSeconds: Date.now() / 1000, uptimeSeconds: process.uptime() };
  const text = await registry.metrics();
  const figure = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
  // It is the difference of two clocks, and the process may be held up between reading the one and the other.
  const after = { wallSeconds: Date.now() / 1000, uptimeSeconds: process.uptime() };
  const startedAtSeconds = figure('process_start_time_seconds');
  expect(startedAtSeconds).toBeGreaterThan(before.wallSeconds - after.uptimeSeconds - 1);
  expect(startedAtSeconds).toBeLessThan(after.wallSeconds - before.uptimeSeconds + 1);
  expect(figure('process_resident_memory_bytes')).toBeGreaterThan(figure('nodejs_heap_size_used_bytes'));
  expect(figure('process_cpu_seconds_total')).toBeGreaterThan(0);
  expect(figure('process_open_fds')).toBeGreaterThan(2);
  expect(figure('nodejs_external_memory_bytes')).toBeGreaterThan(0);
});
