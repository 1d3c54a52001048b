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
import { createNetImageWay } from '../sandbox/monitor/net-image-way.ts';
import { createNetJobs } from '../sandbox/monitor/net-jobs.ts';
import { createNetMonitor } from '../sandbox/monitor/net-monitor.ts';
import { PRIV } from '../sandbox/store/key-store.ts';
import { createFindLocal, type NetworkSide, type NetworkSideDeps } from './network-side.ts';
import type { Sandbox } from './sandbox.ts';
import type { ServiceSettings } from './service-settings.ts';
import { systemDelay } from './system-delay.ts';
import { selectSystemBridges } from './system-discovery.ts';
import { createVerifierSide } from './verifier-side.ts';

/** A network side that may come to nothing. */
export interface SeparateNetwork extends NetworkSide {
  /** Of {@link KeptCalf.began} of all that it needs, once it was told to run. */
  readonly began: Promise<string | null>;
}

/** The network in a process that holds no rights, which is kept running. */
export function createSeparateNetwork(
  { pathOf, log }: NetworkSideDeps,
  sandbox: Sandbox,
  { discovery, transfer }: Pick<ServiceSettings, 'discovery' | 'transfer'>,
): SeparateNetwork {
  const { store, audit, plan } = sandbox;
  const verifier = createVerifierSide({ pathOf, log }, sandbox, transfer);
  const jobs = createNetJobs({
    ...{ store, audit, actor: NET, owner: PRIV, pathOf },
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
  // The pace is kept where the bytes are written.
  const { bytesPerSecond, ...transferOfCalf } = transfer;
  const { allowsInternalRedirects, proxy } = transfer;
  const { openTarget } = verifier;
  const answer = createAnswerer(
    { jobs, sockets, selectBridges, connect: openUnreadConnection, openPipe, openTarget },
    {
      allowsInternal: allowsInternalRedirects,
      proxyHost: proxy === undefined ? null : plainHost(proxy),
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
    openImage: createNetImageWay(jobs, { delay: systemDelay, random: Math.random }),
    separation: () => ({ state: isRunnable ? 'on' : 'starting', reason: null }),
    async findLocal(host, signal) {
      const address = await findLocal(host, signal);
      // The process that says so may have been taken over.
      if (selectBridges().some((bridge) => isOnBridge(address, bridge))) return address;
      throw new Error(`${address} is on no bridge`);
    },
    processes: () => [
      ...(kept === null ? [] : [{ ...processStatus(NET, kept, plan), droppedDatagrams: dropped.total() }]),
      ...verifier.processes(),
    ],
    async run({ hosts, onSeen }, signal) {
      const monitor = createNetMonitor(
        { store, audit, jobs, answer, closeGiven: sockets.close, clock: systemClock },
        {
          ...{ actor: NET, settings: { discovery, transfer: transferOfCalf } },
          ...{ hosts, onSeen, onReady: () => kept?.markReady() },
        },
      );
      const verifierBegan = verifier.start();
      const running = keepNet({ store, audit, plan, clock: systemClock, log }, monitor.begin);
      kept = running;
      began.resolve(Promise.all([running.began, verifierBegan]).then(([net, other]) => net ?? other));
      await monitor.run(signal);
      await running.close();
      // It is told to let go of what the other one had.
      await verifier.close();
    },
  };
}
