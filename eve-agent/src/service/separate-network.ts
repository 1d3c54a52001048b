// SPDX-License-Identifier: Apache-2.0
import { arch } from 'node:os';
import { encodeProgram } from '@local-datastore/shared/confinement/filters/bpf-program';
import { mdnsFilter } from '@local-datastore/shared/confinement/filters/mdns-filter';
import type { KeptCalf } from '@local-datastore/shared/confinement/launcher/keep-calf';
import { processStatus } from '@local-datastore/shared/confinement/launcher/process-status';
import { openPipe } from '@local-datastore/shared/confinement/system/pipe';
import { attachLockedFilter, refuseGateways } from '@local-datastore/shared/confinement/system/sockets';
import { systemClock } from '@local-datastore/shared/system-clock';
import { plainHost } from '../discovery/origin.ts';
import { openUnreadConnection } from '../network/open-flow.ts';
import { systemPortHolderSources } from '../network/port-holder-sources.ts';
import { hostPlatform } from '../registry/resolve-image.ts';
import { createAnswerer } from '../sandbox/monitor/answer-asks.ts';
import { createDroppedDatagrams } from '../sandbox/monitor/dropped-datagrams.ts';
import { createSocketGiver } from '../sandbox/monitor/give-sockets.ts';
import { isOnBridge } from '../sandbox/monitor/judge-place.ts';
import { keepNet, NET } from '../sandbox/monitor/keep-net.ts';
import { createNetJobs } from '../sandbox/monitor/net-jobs.ts';
import { createNetMonitor } from '../sandbox/monitor/net-monitor.ts';
import { PRIV } from '../sandbox/store/key-store.ts';
import { createPace } from '../transfer/pace.ts';
import { createFindLocal, type NetworkSide, type NetworkSideDeps } from './network-side.ts';
import type { Sandbox } from './sandbox.ts';
import type { ServiceSettings } from './service-settings.ts';
import { selectSystemBridges } from './system-discovery.ts';

/** A network side that may come to nothing. */
export interface SeparateNetwork extends NetworkSide {
  /** Of {@link KeptCalf.began}, once it was told to run. */
  readonly began: Promise<string | null>;
}

/** The network in a process that holds no rights, which is kept running. */
export function createSeparateNetwork(
  { targetOf, log }: NetworkSideDeps,
  { store, audit, plan }: Sandbox,
  { discovery, transfer }: Pick<ServiceSettings, 'discovery' | 'transfer'>,
): SeparateNetwork {
  const jobs = createNetJobs({
    ...{ store, audit, actor: NET, owner: PRIV, targetOf },
    wish: hostPlatform(arch()),
  });
  const selectBridges = () => selectSystemBridges(discovery.bridges);
  const filter = encodeProgram(mdnsFilter());
  const dropped = createDroppedDatagrams();
  const sockets = createSocketGiver({
    selectBridges,
    portHolderSources: systemPortHolderSources,
    confine(fd) {
      attachLockedFilter(fd, filter);
      refuseGateways(fd);
      dropped.watch(fd);
    },
  });
  const { bytesPerSecond, ...transferOfCalf } = transfer;
  const { allowsInternalRedirects, proxy, leastRate, stallTimeoutMs } = transfer;
  const answer = createAnswerer(
    { jobs, sockets, selectBridges, connect: openUnreadConnection, openPipe },
    {
      allowsInternal: allowsInternalRedirects,
      proxyHost: proxy === undefined ? null : plainHost(proxy),
      reception: {
        // Of all downloads together: bytes are counted here, by whichever way they come.
        pace: bytesPerSecond === undefined ? undefined : createPace(bytesPerSecond, systemClock.nowMs),
        ...{ clock: systemClock, leastRate, stallTimeoutMs },
      },
    },
  );
  const findLocal = createFindLocal(jobs.steps.probe);
  const began = Promise.withResolvers<string | null>();
  let isRunnable = false;
  void began.promise.then((reason) => {
    isRunnable = reason === null;
  });
  let kept: KeptCalf | null = null;
  return {
    began: began.promise,
    steps: jobs.steps,
    separation: () => ({ state: isRunnable ? 'on' : 'starting', reason: null }),
    async findLocal(host, signal) {
      const address = await findLocal(host, signal);
      // The process that says so may have been taken over.
      if (selectBridges().some((bridge) => isOnBridge(address, bridge))) return address;
      throw new Error(`${address} is on no bridge`);
    },
    processes: () =>
      kept === null ? [] : [{ ...processStatus(NET, kept, plan), droppedDatagrams: dropped.total() }],
    async run({ hosts, onSeen }, signal) {
      const monitor = createNetMonitor(
        { store, audit, jobs, answer, closeGiven: sockets.close, clock: systemClock },
        {
          ...{ actor: NET, settings: { discovery, transfer: transferOfCalf } },
          ...{ hosts, onSeen, onReady: () => kept?.markReady() },
        },
      );
      const running = keepNet({ store, audit, plan, clock: systemClock, log }, monitor.begin);
      kept = running;
      began.resolve(running.began);
      await monitor.run(signal);
      await running.close();
    },
  };
}
