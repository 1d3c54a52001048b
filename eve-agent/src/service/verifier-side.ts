// SPDX-License-Identifier: Apache-2.0
import { closeSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { dirname } from 'node:path';
import { CALF_USERS, type CalfSpec } from '@local-datastore/shared/confinement/launcher/calf';
import type { KeptCalf } from '@local-datastore/shared/confinement/launcher/keep-calf';
import type { LayerPlan } from '@local-datastore/shared/confinement/launcher/layer-plan';
import {
  type ProcessStatus,
  processStatus,
} from '@local-datastore/shared/confinement/launcher/process-status';
import { openPipe } from '@local-datastore/shared/confinement/system/pipe';
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { systemClock } from '@local-datastore/shared/system-clock';
import type { AuditSink } from '../sandbox/audit/audit-entry.ts';
import { findCalf } from '../sandbox/calves/find-calf.ts';
import { createProgressReader } from '../sandbox/calves/verifier/progress-record.ts';
import {
  VERIFIER,
  VERIFIER_RIGHTS,
  type VerifierRules,
} from '../sandbox/calves/verifier/verifier-messages.ts';
import { keepProcess } from '../sandbox/monitor/keep-process.ts';
import {
  createFileLending,
  failsForNow,
  findLendingObstacle,
  probePath,
} from '../sandbox/monitor/lend-files.ts';
import {
  type FileLending,
  openVerifiedTarget,
  type VerifiedJob,
  type VerifiedTarget,
} from '../sandbox/monitor/verified-target.ts';
import { createVerifierLink } from '../sandbox/monitor/verifier-link.ts';
import type { StoreLimits } from '../sandbox/store/serve-store.ts';
import type { Sandbox } from './sandbox.ts';
import type { ServiceSettings } from './service-settings.ts';

const MEBIBYTE = 1024 * 1024;
/** On a device that is busy with its own start. */
const READY_WITHIN_MS = 60_000;
/** How often what has come is looked at. */
const PROGRESS_INTERVAL_MS = 50;
const STORE_LIMITS: Partial<StoreLimits> = { messagesPerSecond: 10_000 };
const LIMITS: CalfSpec['limits'] = {
  ...{ memoryBytes: 512 * MEBIBYTE, openFiles: 1024 },
  // Images may be as large as the disk is.
  fileBytes: Number.MAX_SAFE_INTEGER,
};

/** What reads, hashes and writes bodies for the service, in a process that holds no rights. */
export interface VerifierSide {
  /** As `openVerifiedTarget`. */
  openTarget(job: VerifiedJob, stream: number): Promise<VerifiedTarget>;
  /**
   * Starts it; what is to become a file has a place by then.
   *
   * @returns of {@link KeptCalf.began}
   */
  start(): Promise<string | null>;
  /** None: it was not started. */
  processes(): readonly ProcessStatus[];
  /** Ends it for good. */
  close(): Promise<void>;
}

/** The layers that it is given: a user of its own only where that one can be lent files. */
function planFor(plan: LayerPlan, folder: string): LayerPlan {
  if (!plan.hasOwnUser) return plan;
  const reason = findLendingObstacle(folder, CALF_USERS.verifier, plan.hasNamespaces);
  if (reason === null) return plan;
  return { ...plan, hasOwnUser: false, missing: [...plan.missing, { layer: 'own user', reason }] };
}

export function createVerifierSide(
  { pathOf, log }: { pathOf(sha256: string): string; readonly log: Log },
  { store, audit, plan: planOfAll }: Pick<Sandbox, 'store' | 'plan'> & { readonly audit: AuditSink },
  {
    stallTimeoutMs,
    leastRate,
    bytesPerSecond,
  }: Pick<ServiceSettings['transfer'], 'stallTimeoutMs' | 'leastRate' | 'bytesPerSecond'>,
): VerifierSide {
  const user = CALF_USERS.verifier;
  const folder = dirname(pathOf('of any'));
  const link = createVerifierLink({ store, audit, onReady: () => void tryOut() });
  let plan = planOfAll;
  let lending: FileLending = createFileLending(null, -1);
  let kept: KeptCalf | null = null;
  let endProgress = () => {};

  /** What keeps it from writing files on this host is found out before anything is downloaded. */
  async function tryOut(): Promise<void> {
    const probe = probePath(folder);
    try {
      await writeFile(probe, '', { flag: 'wx' });
      await lending.lend(probe);
      await link.tryFile(probe);
    } catch (error) {
      if (!failsForNow(error)) {
        kept?.markUnfit(`the verifier cannot write files of ${folder}: ${errorMessage(error)}`);
        return;
      }
    } finally {
      await rm(probe, { force: true });
    }
    link.admit();
    kept?.markReady();
  }

  return {
    openTarget: (job, stream) => openVerifiedTarget({ link, lending }, job, stream),
    start() {
      plan = planFor(planOfAll, folder);
      lending = createFileLending(plan.hasOwnUser ? user : null, process.geteuid?.() ?? -1);
      const [read, written] = openPipe();
      const progress = new Socket({ fd: read, readable: true, writable: false });
      const readProgress = createProgressReader(link.tellProgress);
      progress.on('data', (piece: Buffer) => {
        readProgress(piece);
        // Whoever writes more than it should finds the pipe full, and takes no more of this process than that.
        progress.pause();
        systemClock.after(PROGRESS_INTERVAL_MS, () => progress.resume());
      });
      endProgress = () => {
        closeSync(written);
        progress.destroy();
      };
      const rules: VerifierRules = { stallTimeoutMs, leastRate, bytesPerSecond: bytesPerSecond ?? null };
      kept = keepProcess(
        { store, audit, plan, clock: systemClock, log },
        {
          spec: {
            ...{ name: VERIFIER, code: findCalf(VERIFIER), limits: LIMITS, user },
            ...{ descriptors: [written], args: [JSON.stringify(rules)] },
            visible: [{ path: folder, isWritable: true }],
          },
          ...{
            actor: VERIFIER,
            rights: VERIFIER_RIGHTS,
            limits: STORE_LIMITS,
            readyWithinMs: READY_WITHIN_MS,
          },
          begin: link.begin,
        },
      );
      return kept.began;
    },
    processes: () => (kept === null ? [] : [processStatus(VERIFIER, kept, plan)]),
    async close() {
      await kept?.close();
      endProgress();
    },
  };
}
