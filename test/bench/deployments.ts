// SPDX-License-Identifier: Apache-2.0
import { setTimeout as wait } from 'node:timers/promises';
import { createDeploymentHost, type DeploymentHost } from '../lab/deployments/deployment-host.ts';
import { residentMiB, usageOf } from './measure.ts';
import { formatTable } from './table.ts';

const DEPLOYMENTS = 20;
/** By then nothing is left of the last load. */
const SETTLED_MS = 20_000;
const IDLE_MS = 120_000;

async function measureIdle(host: DeploymentHost, count: number): Promise<string[]> {
  await wait(SETTLED_MS);
  const before = usageOf(host.agentPid());
  await wait(IDLE_MS);
  const after = usageOf(host.agentPid());
  const percent = ((after.cpuSeconds - before.cpuSeconds) * 100_000) / IDLE_MS;
  return [
    ...[String(count), percent.toFixed(2)],
    ...[residentMiB(host.agentPid()).toFixed(0), after.peakMemoryMiB.toFixed(0)],
  ];
}

/** What an agent costs that is left alone with deployments that run, at an engine of its own. Needs root. */
export async function benchDeployments(): Promise<string> {
  const host = await createDeploymentHost([]);
  try {
    const names = Array.from({ length: DEPLOYMENTS }, (_, i) => `web${i}`);
    await host.configure({ deployments: names.map((name) => ({ name, args: [] })) });
    const archive = await host.archive('v1');
    await host.startAgent();
    const rows = [await measureIdle(host, 0)];
    for (const name of names) {
      const socket = ['--state', host.state];
      const { exitCode, stderr } = await host.agent('deploy', 'load', archive, name, ...socket);
      if (exitCode !== 0) throw new Error(`${name} is not loaded: ${stderr}`);
    }
    rows.push(await measureIdle(host, names.length));
    return `Left alone for ${IDLE_MS / 1000} s:\n\n${formatTable(['deployments', '% of a core', 'memory MiB', 'at its height'], rows)}`;
  } finally {
    await host.stop();
  }
}
