import { systemClock } from '@local-datastore/shared/system-clock';
import { plainHost } from '../discovery/origin.ts';
import { openUnreadConnection } from '../network/open-flow.ts';
import { systemPortHolderSources } from '../network/port-holder-sources.ts';
import { encodeProgram } from '../sandbox/filters/bpf-program.ts';
import { mdnsFilter } from '../sandbox/filters/mdns-filter.ts';
import { CALF_USERS, type CalfSpec } from '../sandbox/launcher/calf.ts';
import { findCalfCode } from '../sandbox/launcher/calf-code.ts';
import { type KeptCalf, keepCalf } from '../sandbox/launcher/keep-calf.ts';
import { processStatus } from '../sandbox/launcher/process-status.ts';
import { spawnCalf } from '../sandbox/launcher/spawn-calf.ts';
import { createAnswerer } from '../sandbox/monitor/answer-asks.ts';
import { tellLine } from '../sandbox/monitor/calf-line.ts';
import { createSocketGiver } from '../sandbox/monitor/give-sockets.ts';
import { createNetJobs } from '../sandbox/monitor/net-jobs.ts';
import { createNetMonitor, PRIV } from '../sandbox/monitor/net-monitor.ts';
import { attachLockedFilter, refuseGateways, socketPair } from '../sandbox/system/sockets.ts';
import type { NetworkSide, NetworkSideDeps } from './network-side.ts';
import type { Sandbox } from './sandbox.ts';
import type { ServiceSettings } from './service-settings.ts';
import { selectSystemBridges } from './system-discovery.ts';

const NET = 'net';
const MEBIBYTE = 1024 * 1024;
/** On a device that is busy with its own start. */
const READY_WITHIN_MS = 60_000;
const LIMITS: CalfSpec['limits'] = { memoryBytes: 512 * MEBIBYTE, openFiles: 1024 };

/** The network in a process that holds no rights, which is kept running. */
export function createSeparateNetwork(
  { targetOf, log }: NetworkSideDeps,
  { store, audit, plan }: Sandbox,
  { discovery, transfer }: Pick<ServiceSettings, 'discovery' | 'transfer'>,
): NetworkSide {
  const jobs = createNetJobs({ store, owner: PRIV, targetOf });
  const selectBridges = () => selectSystemBridges(discovery.bridges);
  const filter = encodeProgram(mdnsFilter());
  const sockets = createSocketGiver({
    selectBridges,
    portHolderSources: systemPortHolderSources,
    confine(fd) {
      attachLockedFilter(fd, filter);
      refuseGateways(fd);
    },
  });
  const answer = createAnswerer(
    { jobs, sockets, selectBridges, connect: openUnreadConnection, socketPair },
    {
      allowsInternal: transfer.allowsInternalRedirects,
      proxyHost: transfer.proxy === undefined ? null : plainHost(transfer.proxy),
    },
  );
  let kept: KeptCalf | null = null;
  return {
    steps: jobs.steps,
    processes: () => (kept === null ? [] : [processStatus(NET, kept, plan, process.geteuid?.() ?? -1)]),
    async run({ hosts, onSeen }, signal) {
      const monitor = createNetMonitor(
        { ...{ store, audit, jobs, answer, log }, closeGiven: sockets.close, clock: systemClock },
        { settings: { discovery, transfer }, hosts, onSeen, onReady: () => kept?.markReady() },
      );
      let attended = Promise.resolve();
      const running = keepCalf({
        clock: systemClock,
        readyWithinMs: READY_WITHIN_MS,
        start: () =>
          spawnCalf(
            { name: NET, code: findCalfCode(NET), limits: LIMITS, user: CALF_USERS.net },
            { clock: systemClock, plan, onOutput: (line) => tellLine(log, NET, line) },
          ),
        onStart(calf) {
          log.info({ process: NET, pid: calf.pid }, 'a process of the agent was started');
          // One after another: what the last one had is let go before the next one asks for it.
          attended = attended.then(() => monitor.attend(calf));
        },
        onEnd: ({ code, signal: by, refusal }, delayMs) =>
          log.error({ process: NET, code, signal: by, refusal, delayMs }, 'a process of the agent has ended'),
      });
      kept = running;
      await monitor.run(signal);
      await running.close();
      await attended;
    },
  };
}
