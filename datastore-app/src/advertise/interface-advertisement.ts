// SPDX-License-Identifier: Apache-2.0
import { type Clock, waitUnlessAborted } from '@local-datastore/shared/clock';
import type { Log } from '@local-datastore/shared/log';
import { addressOf } from './cidr.ts';
import type { NameConflict, StartHostResponder } from './host-responder.ts';
import { type AdvertisedLink, sourceCidrs } from './link-addresses.ts';
import type { OwnClaims } from './own-records.ts';
import type { PacketOrigin } from './packet-origin.ts';
import type { AskForOwnAnswers } from './readiness.ts';
import {
  type AdvertisedService,
  nextInstanceName,
  planServiceInstances,
  type ServiceInstance,
} from './service-instances.ts';

/**
 * announcing: probes and first announcements; checking: our own answer is awaited; ready: it was seen;
 * conflict: somebody else holds the name, we are silent; unanswered: our own answer was not seen, or nothing
 * could be sent, we try anew.
 */
export type AdvertisementState = 'announcing' | 'checking' | 'ready' | 'conflict' | 'unanswered';

/**
 * How long probing may take. Without trouble it is a second, a few after a lost tie (RFC 6762 §8.2); but where
 * the socket cannot send, ciao 1.3.12 tries again for ever.
 */
export const ANNOUNCE_LIMIT_MS = 10_000;
/** Whoever takes more names than this is at fault, or hostile. */
const MAX_RENAMES = 20;
const FIRST_RETRY_MS = 5_000;
const LONGEST_RETRY_MS = 60_000;

/** How long to wait after so many failures in a row (1 is the first): doubling from 5 s to 60 s. */
export function retryDelayMs(failures: number): number {
  return Math.min(FIRST_RETRY_MS * 2 ** (failures - 1), LONGEST_RETRY_MS);
}

/** The host's services on one interface: announced, checked, taken down on conflict. */
export interface InterfaceAdvertisement {
  readonly link: AdvertisedLink;
  readonly state: AdvertisementState;
  /** Why it is not ready, as a sentence; undefined when it is. */
  readonly reason: string | undefined;
  /** Asks once more for what EVE asks for, where it is ready: neighbours answer, too. */
  askAround(): void;
  /** Sends goodbyes. Idempotent. */
  stop(): Promise<void>;
}

export interface InterfaceAdvertisementDeps {
  readonly log: Log;
  readonly startHostResponder: StartHostResponder;
  readonly askForOwnAnswers: AskForOwnAnswers;
  readonly clock: Clock;
}

export interface InterfaceAdvertisementOptions extends Pick<OwnClaims, 'isOwnAddress' | 'wasOwnAddress'> {
  readonly link: AdvertisedLink;
  readonly hostLabel: string;
  readonly services: readonly AdvertisedService[];
  readonly originOf: (source: string) => PacketOrigin;
  /** Settles when the interface's former advertisement is gone. */
  readonly after: Promise<void>;
}

type Outcome = 'stopped' | 'unanswered' | 'unannounced' | NameConflict;

/**
 * Keeps a host name advertised on one interface. The name never changes: on a conflict (RFC 6762 §9) the
 * interface falls silent, and the configured name is tried again after 5 s, 10 s, … 60 s. An instance whose own
 * name is taken gets another one at once.
 */
export function createInterfaceAdvertisement(
  { log, startHostResponder, askForOwnAnswers, clock }: InterfaceAdvertisementDeps,
  { link, hostLabel, services, originOf, isOwnAddress, wasOwnAddress, after }: InterfaceAdvertisementOptions,
): InterfaceAdvertisement {
  const hostName = `${hostLabel}.local`;
  const where = { interface: link.name, addresses: link.cidrs.map(addressOf), hostName };
  const addresses = {
    sources: link.cidrs.map(addressOf),
    addresses: link.advertisedCidrs.map(addressOf),
  };
  const stopping = new AbortController();
  const { signal } = stopping;
  const stopped = new Promise<'stopped'>((resolve) => {
    signal.addEventListener('abort', () => resolve('stopped'), { once: true });
  });

  let state: AdvertisementState = 'announcing';
  let reason: string | undefined = `${hostName} is being announced on ${link.name}`;
  let failures = 0;
  const configured = planServiceInstances(hostLabel, link.mac, services);
  let instances = configured;
  let renames = 0;
  const enter = (nextState: AdvertisementState, nextReason?: string) => {
    state = nextState;
    reason = nextReason;
  };

  /** One responder's life. Returns why it ended. */
  async function advertise(): Promise<Outcome> {
    enter('announcing', `${hostName} is being announced on ${link.name}`);
    const responder = startHostResponder({
      interfaceName: link.name,
      hostLabel,
      instances,
      originOf,
      isOwnAddress,
      wasOwnAddress,
      advertisedCidrs: link.advertisedCidrs,
      sourceCidrs: sourceCidrs(link),
    });
    const checking = new AbortController();
    const untilAnswered = async () => {
      await responder.announced;
      if (checking.signal.aborted) return [];
      enter('checking', `our own answer for ${hostName} has not been seen on ${link.name} yet`);
      return askForOwnAnswers({ hostName, address: link.address, ...addresses, instances }, checking.signal);
    };
    const limit = new AbortController();
    void responder.announced.then(() => limit.abort());
    const untilLimit = async (): Promise<Outcome> => {
      await waitUnlessAborted(clock, ANNOUNCE_LIMIT_MS, AbortSignal.any([limit.signal, checking.signal]));
      return limit.signal.aborted ? new Promise<never>(() => {}) : 'unannounced';
    };
    try {
      const first = await Promise.race([untilAnswered(), untilLimit(), responder.conflict, stopped]);
      if (!Array.isArray(first)) return first;
      if (first.length > 0) {
        log.warn({ ...where, missing: first }, 'our own answer was not seen on the network');
        return 'unanswered';
      }
      enter('ready');
      failures = 0;
      log.info(where, 'advertised: our own answer was seen on the network');
      return await Promise.race([responder.conflict, stopped]);
    } finally {
      checking.abort();
      await responder.close();
    }
  }

  /** Gives an instance another name, since nobody looks it up by that (RFC 6763 §4.1). */
  function rename(taken: ServiceInstance, otherAddress: string | undefined): void {
    const instanceName = nextInstanceName(taken.instanceName);
    instances = instances.map((each) => (each === taken ? { ...each, instanceName } : each));
    renames += 1;
    log.warn(
      { ...where, otherAddress, type: taken.type, taken: taken.instanceName, instanceName },
      'another host has a service of this name: it is advertised under another',
    );
  }

  function enterFailure(outcome: Exclude<Outcome, 'stopped'>, retryMs: number): void {
    const retry = `trying again in ${retryMs / 1000} s`;
    if (outcome === 'unannounced') {
      log.warn({ ...where, limitMs: ANNOUNCE_LIMIT_MS }, `probes cannot be sent; ${retry}`);
      enter(
        'unanswered',
        `${hostName} could not be announced on ${link.name}: probes cannot be sent; ${retry}`,
      );
      return;
    }
    if (outcome === 'unanswered') {
      enter('unanswered', `our own answer for ${hostName} was not seen on ${link.name}; ${retry}`);
      return;
    }
    const other = outcome.otherAddress ?? 'another host';
    enter('conflict', `${other} uses the name ${hostName} on ${link.name}: stop it there or choose another`);
    log.warn(
      { ...where, otherAddress: outcome.otherAddress },
      `NAME CONFLICT: ${other} uses the name ${hostName}. This datastore is not advertised; ${retry}`,
    );
  }

  async function run(): Promise<void> {
    await after;
    while (!signal.aborted) {
      let outcome: Outcome;
      try {
        outcome = await advertise();
      } catch (error) {
        log.error({ ...where, err: error }, 'the mDNS responder failed');
        outcome = 'unanswered';
      }
      if (outcome === 'stopped') return;
      if (typeof outcome === 'object' && outcome.instance !== undefined && renames < MAX_RENAMES) {
        rename(outcome.instance, outcome.otherAddress);
        continue;
      }
      // By then the names may be free again.
      instances = configured;
      renames = 0;
      failures += 1;
      const retryMs = retryDelayMs(failures);
      enterFailure(outcome, retryMs);
      await waitUnlessAborted(clock, retryMs, signal);
    }
  }
  const running = run();

  return {
    link,
    get state() {
      return state;
    },
    get reason() {
      return reason;
    },
    askAround() {
      if (state !== 'ready') return;
      const expected = { hostName, address: link.address, ...addresses, instances };
      askForOwnAnswers(expected, signal).catch((error) =>
        log.debug({ ...where, err: error }, 'asked in vain'),
      );
    },
    stop() {
      stopping.abort();
      return running;
    },
  };
}
