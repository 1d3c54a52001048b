// SPDX-License-Identifier: Apache-2.0
import { hostname as systemHostName } from 'node:os';
import { ConfigurationError } from '@local-datastore/shared/errors';
import { createOwnNames } from '@local-datastore/shared/http/request-origin';
import type { Log } from '@local-datastore/shared/log';
import { systemClock } from '@local-datastore/shared/system-clock';
import { createAttempts } from '../access/attempts.ts';
import type { ReadCredential } from '../access/credential.ts';
import { createGuard } from '../access/guard.ts';
import { openRegistryAccess } from '../access/open-registry-access.ts';
import { createPlaces } from '../access/places.ts';
import { loadWriteToken } from '../access/write-token.ts';
import { createLogLines } from '../activity/log-lines.ts';
import { createAdvertiser } from '../advertise/advertiser.ts';
import { type AdvertisementChoices, planAdvertisement } from '../advertise/plan-advertisement.ts';
import { type AppDeps, runApp } from '../app.ts';
import { openChanges } from '../changes/open-changes.ts';
import type { ServeOptions } from '../config.ts';
import { bindPort } from '../http/bound-port.ts';
import { prepareStorage, type Storage } from '../images/storage.ts';
import { currentProcess, dropPrivileges, willDropPrivileges } from '../privileges/drop-privileges.ts';
import { whyNotWritable } from '../privileges/writable.ts';
import {
  type OpenParser,
  openConfinedParser,
  openOwnParser,
  requireConfinedParser,
} from '../sandbox/monitor/open-parser.ts';
import type { decideTls } from '../tls/decide-tls.ts';
import { openCertificates } from '../tls/open-certificates.ts';
import type { CommandContext } from './command-context.ts';
import { openImages } from './open-images.ts';
import { takeFolders } from './take-folders.ts';

const HOUR_MS = 3_600_000;
/** How long the registry waits between two collections. */
const COLLECT_EVERY_MS = { hourly: HOUR_MS, daily: 24 * HOUR_MS, never: undefined } as const;

/**
 * Takes what only root can take, the ports below 1024, and becomes the user of `--user`.
 *
 * @throws ConfigurationError when a port cannot be had, or the state directory not be written to
 */
async function becomeServiceUser(
  log: Log,
  options: ServeOptions,
  { root, state }: Storage,
  isTlsOn: boolean,
) {
  const identity = currentProcess();
  const mustBind = willDropPrivileges(identity, options.user);
  const http = mustBind ? await bindPort(options.address, options.port) : undefined;
  const https = mustBind && isTlsOn ? await bindPort(options.address, options.tlsPort) : undefined;
  for (const { kept, whyNone } of await dropPrivileges(identity, options.user, [root, state])) {
    if (whyNone !== undefined) log.warn({ reason: whyNone }, 'a volume keeps its owner');
    if (kept > 0) log.warn({ kept }, 'some files and folders of the volumes keep their owner');
  }
  const whyNoState = await whyNotWritable('--state', state);
  if (whyNoState !== undefined) throw new ConfigurationError(whyNoState);
  const whyReadOnly = await whyNotWritable('--root', root);
  if (whyReadOnly !== undefined) log.warn({ reason: whyReadOnly }, 'images are served, but cannot be added');
  return { http, https };
}

/** Makes the advertiser once the ports are known. */
function advertiserMaker(
  log: Log,
  { hostName: hostLabel, interface: interfaces = [], excludedInterfaces = [] }: ServeOptions,
  choices: AdvertisementChoices,
): AppDeps['createAdvertiser'] {
  return (ports, observer) => {
    const { services, findings } = planAdvertisement(choices, ports);
    for (const { severity, message, ...place } of findings) {
      log[severity === 'warning' ? 'warn' : 'info'](place, message);
    }
    if (services.length === 0) return undefined;
    return createAdvertiser({ log, observer }, { hostLabel, interfaces, excludedInterfaces, services });
  };
}

/** @throws ConfigurationError where what is asked for cannot be had */
async function openParser(log: Log, parsing: ServeOptions['parsing']): Promise<OpenParser> {
  const deps = { clock: systemClock, log };
  if (parsing === 'own') return openOwnParser('--parsing asks for it');
  return parsing === 'confined' ? requireConfinedParser(deps) : openConfinedParser(deps);
}

/** What was decided of the settings, before anything of the machine was touched. */
export interface ServerChoices {
  readonly options: ServeOptions;
  readonly tls: ReturnType<typeof decideTls>;
  readonly choices: AdvertisementChoices;
  readonly readCredential: ReadCredential | undefined;
}

/** Serves until the context's signal aborts. @throws ConfigurationError */
export async function runServer(
  context: CommandContext,
  { options, tls, choices, readCredential }: ServerChoices,
): Promise<void> {
  const { version, signal } = context;
  const logLines = createLogLines();
  const log = context.createLog(options.logLevel, options.logFormat, logLines.note);
  const storage = await prepareStorage(options);
  const { root, state } = storage;
  const bound = await becomeServiceUser(log, options, storage, tls.kind !== 'off');
  context.closing.add(await takeFolders(storage));
  const writeToken = await loadWriteToken({
    token: options.writeToken,
    tokenFile: options.writeTokenFile,
    stateDirectory: state,
  });
  if (writeToken.file !== undefined) log.info({ file: writeToken.file }, 'the write token is in this file');
  const certificates = await openCertificates({ log }, tls, {
    stateDirectory: state,
    hostLabel: options.hostName,
    interfaces: options.interface ?? [],
    publicUrl: options.publicUrl,
  });
  const system = systemHostName();
  const { publicUrl } = options;
  const trustedHosts = [
    ...(options.trustedHost ?? []),
    ...(publicUrl === undefined ? [] : [publicUrl.hostname]),
  ];
  const hostName = `${options.hostName}.local`;
  const isOwnName = createOwnNames([hostName, system, `${system}.local`, ...trustedHosts]);
  const places = createPlaces(isOwnName, { hostName, publicUrl });
  const attempts = createAttempts();
  const access = await openRegistryAccess(
    { log, attempts, isOwnName, places },
    {
      ...{ stateDirectory: state, hostName, writeToken: writeToken.token, readCredential },
      grantsFile: options.grants,
      adminCertificateFile: options.adminCertificate,
      carriesCertificate: options.registryTokenKey === 'certificate',
    },
  );
  const parsing = await openParser(log, options.parsing);
  const changes = openChanges({ log, clock: systemClock }, { stateDirectory: state });
  const images = await openImages({ log, note: changes.note }, options, storage, parsing);
  const requests = context.createBufferedLog(options.logLevel, options.logFormat, logLines.note);
  const { address, port, tlsPort, drainTimeout } = options;
  try {
    await runApp(
      {
        log,
        requestLog: requests.log,
        ...{ logLines, changes },
        ...images,
        guard: createGuard({ attempts }, { writeToken: writeToken.token, readCredential }),
        ...{ access, isOwnName, places },
        certificates,
        createAdvertiser: advertiserMaker(log, options, choices),
      },
      {
        version,
        root,
        hostName,
        trustedHosts,
        http: { address, port, bound: bound.http },
        https: { address, port: tlsPort, bound: bound.https },
        drainMs: drainTimeout * 1000,
        limits: {
          maxConnections: options.maxConnections,
          headerTimeoutMs: options.headerTimeout * 1000,
          idleTimeoutMs: options.idleTimeout * 1000,
        },
        quotaBytes: options.quota,
        reserveBytes: options.reserve,
        accessLog: options.accessLog,
        collectEveryMs: COLLECT_EVERY_MS[options.registryGc],
        scrubIntervalMs: options.scrubInterval * 3_600_000,
      },
      signal,
    );
  } finally {
    await images.stop();
    await changes.close();
    requests.stop();
  }
}
