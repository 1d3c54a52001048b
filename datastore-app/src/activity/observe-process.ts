// SPDX-License-Identifier: Apache-2.0
import { readdir } from 'node:fs/promises';
import { Counter, Gauge, type Registry } from 'prom-client';

const MICROSECONDS_PER_SECOND = 1e6;

/**
 * Adds what Prometheus clients tell of a process, under the usual names, read when it is asked for.
 *
 * prom-client's own collection also watches every garbage collection and keeps a timer of ten milliseconds:
 * a twentieth of the small files a second.
 */
export function observeProcess(registry: Registry): void {
  const registers = [registry];
  const startedAtSeconds = Date.now() / 1000 - process.uptime();
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'Total user and system CPU time spent in seconds.',
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / MICROSECONDS_PER_SECOND);
    },
  });
  const gauges: readonly (readonly [string, string, () => number | Promise<number>])[] = [
    [
      'process_start_time_seconds',
      'Start time of the process since unix epoch in seconds.',
      () => startedAtSeconds,
    ],
    ['process_resident_memory_bytes', 'Resident memory size in bytes.', process.memoryUsage.rss],
    [
      'process_open_fds',
      'Number of open file descriptors.',
      async () => (await readdir('/proc/self/fd')).length,
    ],
    [
      'nodejs_heap_size_used_bytes',
      'Process heap size used from Node.js in bytes.',
      () => process.memoryUsage().heapUsed,
    ],
    [
      'nodejs_external_memory_bytes',
      'Node.js external memory size in bytes.',
      () => process.memoryUsage().external,
    ],
  ];
  for (const [name, help, read] of gauges) {
    new Gauge({
      ...{ name, help, registers },
      async collect() {
        this.set(await read());
      },
    });
  }
}
