import type { Clock } from '@local-datastore/shared/clock';
import type { Log } from '@local-datastore/shared/log';
import type { AuditSink } from '../audit/audit-entry.ts';
import { CALF_USERS, type CalfCode } from '../launcher/calf.ts';
import { findCalfCode } from '../launcher/calf-code.ts';
import { keepCalf } from '../launcher/keep-calf.ts';
import { spawnCalf } from '../launcher/spawn-calf.ts';
import type { KeyStore } from '../store/key-store.ts';
import { serveStore } from '../store/serve-store.ts';
import { type DhcpCalf, type DhcpCalfStart, dhcpRights } from './open-dhcp.ts';

export interface DhcpCalfDeps {
  readonly store: KeyStore;
  readonly audit: AuditSink;
  readonly clock: Clock;
  readonly log: Log;
  /** Default: where this program has it. */
  readonly code?: CalfCode;
}

/** Node itself needs 70 MB of it. */
const LIMITS = { memoryBytes: 160 * 1024 * 1024, openFiles: 64, workers: 0 };

/**
 * Starts the client of DHCP as a process with all layers that this host gives, and again when it ends by itself.
 *
 * @returns what `openDhcp` starts its calf by
 */
export function createDhcpCalfStarter(deps: DhcpCalfDeps): (start: DhcpCalfStart) => DhcpCalf {
  const { store, audit, clock, log, code = findCalfCode('dhcp') } = deps;
  return ({ actor, descriptor, prefix, hostName, isProbing }) => {
    const spec = {
      name: 'dhcp',
      code,
      limits: LIMITS,
      user: CALF_USERS.dhcp,
      descriptors: [descriptor],
      args: [JSON.stringify({ prefix, hostName, isProbing })],
    };
    const kept = keepCalf({
      clock,
      start: () =>
        spawnCalf(spec, { clock, onOutput: (line) => log.info({ line }, 'the client of DHCP says') }),
      onStart(calf) {
        serveStore({ store, audit, clock }, { actor, rights: dhcpRights(prefix) }, calf.store);
      },
      onEnd({ code: exitCode, signal, refusal }, delayMs) {
        store.clear(actor);
        log.warn({ code: exitCode, signal, refusal, delayMs }, 'the client of DHCP has ended');
      },
    });
    return {
      pid: () => kept.current()?.pid ?? null,
      async stop() {
        await kept.close();
        store.clear(actor);
      },
    };
  };
}
