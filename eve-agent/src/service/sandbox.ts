// SPDX-License-Identifier: Apache-2.0
import type { LayerPlan } from '@local-datastore/shared/confinement/launcher/layer-plan';
import { planHere } from '@local-datastore/shared/confinement/launcher/spawn-calf';
import type { Log } from '@local-datastore/shared/log';
import { systemClock } from '@local-datastore/shared/system-clock';
import { auditFolderOf } from '../sandbox/audit/audit-folder.ts';
import { type AuditLog, openAuditLog } from '../sandbox/audit/audit-log.ts';
import { createKeyStore, type KeyStore } from '../sandbox/store/key-store.ts';
import { readBootId } from './boot-id.ts';

const MEBIBYTE = 1024 * 1024;
/** What a thousand trees wait with, twice over. */
const QUOTA = { keys: 65_536, bytes: 32 * MEBIBYTE };

/** What the processes without rights share, on priv's side. */
export interface Sandbox {
  readonly store: KeyStore;
  readonly audit: AuditLog;
  /** The layers that this host gives them. */
  readonly plan: LayerPlan;
}

/**
 * @param state the folder that the audit log is kept in
 * @throws Error when no process can be confined here at all
 */
export async function openSandbox(state: string, log: Log): Promise<Sandbox> {
  const plan = planHere();
  if (plan.missing.length > 0)
    log.info({ missing: plan.missing }, 'processes of the agent are confined without some layers');
  const audit = await openAuditLog(
    { clock: systemClock, log },
    { folder: auditFolderOf(state), boot: readBootId() },
  );
  return { store: createKeyStore({ log, audit }, QUOTA), audit, plan };
}
