import { readFileSync } from 'node:fs';
import { hostname as systemHostName } from 'node:os';
import {
  effectiveOptions,
  printEffectiveOptions,
} from '@local-datastore/shared/command-line/effective-options';
import { addOptions } from '@local-datastore/shared/command-line/options';
import { settingsSchema } from '@local-datastore/shared/command-line/settings-schema';
import { ConfigurationError, errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { Command } from 'commander';
import { createAttempts } from '../access/attempts.ts';
import type { ReadCredential } from '../access/credential.ts';
import { createGuard } from '../access/guard.ts';
import { openRegistryAccess } from '../access/open-registry-access.ts';
import { createPlaces } from '../access/places.ts';
import { createOwnNames } from '../access/request-origin.ts';
import { loadWriteToken } from '../access/write-token.ts';
import { createAdvertiser } from '../advertise/advertiser.ts';
import { type AdvertisementChoices, planAdvertisement } from '../advertise/plan-advertisement.ts';
import { type AppDeps, runApp } from '../app.ts';
import { SERVE_OPTIONS, SETTINGS_TITLE, type ServeOptions } from '../config.ts';
import { bindPort } from '../http/bound-port.ts';
import { prepareStorage, type Storage } from '../images/storage.ts';
import { currentProcess, dropPrivileges, willDropPrivileges } from '../privileges/drop-privileges.ts';
import { whyNotWritable } from '../privileges/writable.ts';
import { decideTls } from '../tls/decide-tls.ts';
import { openCertificates } from '../tls/open-certificates.ts';
import type { CommandContext } from './command-context.ts';
import { advertisementChoices, readEffectiveOptions } from './effective-options.ts';
import { openImages } from './open-images.ts';
import { takeFolders } from './take-folders.ts';

const HOUR_MS = 3_600_000;
/** How long the registry waits between two collections. */
const COLLECT_EVERY_MS = { hourly: HOUR_MS, daily: 24 * HOUR_MS, never: undefined } as const;

function readOptionFile(option: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigurationError(`${option} ${file} cannot be read: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}

/** The credential for reading, where one is configured. @throws ConfigurationError when its file is of no use */
export function readCredentialOf(options: ServeOptions): ReadCredential | undefined {
  const { readUser: user, readPassword, readPasswordFile } = options;
  if (readPassword !== undefined) return { user, password: readPassword };
  if (readPasswordFile === undefined) return undefined;
  const password = readOptionFile('--read-password-file', readPasswordFile).trim();
  if (password.length >= 8) return { user, password };
  throw new ConfigurationError(`--read-password-file ${readPasswordFile}: at least 8 characters expected`);
}

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

interface PrintOptions {
  readonly config?: string;
  readonly printConfig?: true;
  readonly printConfigSchema?: true;
}

/** `datastore-app serve`. */
export function serveCommand(context: CommandContext): Command {
  const { version, stdout, signal } = context;
  const command = new Command('serve')
    .summary('serve images and advertise the host name')
    .description('Serves the files below a folder over HTTP, and advertises the host name by multicast DNS.');
  addOptions(command, SERVE_OPTIONS)
    .option('--print-config', 'print the effective settings as a YAML file, with the source of each, and end')
    .option('--print-config-schema', 'print the JSON Schema of a configuration file, and end');
  return command.action(async () => {
    const { config, printConfig, printConfigSchema } = command.opts<PrintOptions>();
    if (printConfigSchema === true) {
      stdout.write(`${JSON.stringify(settingsSchema(SETTINGS_TITLE, SERVE_OPTIONS), null, 2)}\n`);
      return;
    }
    const effective = await readEffectiveOptions(command);
    const { options } = effective;
    const tls = decideTls(options);
    const choices = advertisementChoices(effective, tls.kind !== 'off');
    const readCredential = readCredentialOf(options);
    if (printConfig === true) {
      stdout.write(printEffectiveOptions(effectiveOptions(command, SERVE_OPTIONS, config)));
      return;
    }
    const log = context.createLog(options.logLevel);
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
    const images = await openImages(log, options, storage);
    const requests = context.createBufferedLog(options.logLevel);
    const { address, port, tlsPort, drainTimeout } = options;
    try {
      await runApp(
        {
          log,
          requestLog: requests.log,
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
      requests.stop();
    }
  });
}
