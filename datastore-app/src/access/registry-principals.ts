// SPDX-License-Identifier: Apache-2.0
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigurationError, errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import { readYamlFile } from '@local-datastore/shared/files/yaml-file';
import type { Log } from '@local-datastore/shared/log';
import { waitFor } from '@local-datastore/shared/system-clock';
import { createInTurn } from '../content/in-turn.ts';
import { createAssignmentFiles } from './assignment-files.ts';
import { followFiles } from './followed-files.ts';
import { type GrantsDocument, parseGrants } from './grants-document.ts';
import { type BookSources, createPrincipalBook, type PrincipalBook } from './principal-book.ts';
import { endSoon, type RegistryRecords } from './registry-records.ts';

/** Who is known to the registry and who may do what there, followed as it changes. */
export interface RegistryPrincipals {
  /** As of the last look. */
  current(): PrincipalBook;
  /** For every request: what was changed counts after a tenth of a second. */
  book(): Promise<PrincipalBook>;
  /** For whoever logs in: what a command has changed counts when it ends. */
  newest(): Promise<PrincipalBook>;
  /** What cannot be used of it, as sentences. */
  warnings(): readonly string[];
  /** A temporary token that did what it is for ends soon. @param subject such as `temp:…`; of others nothing is done */
  noteDone(subject: string): Promise<void>;
  /** Looks now and then until the signal aborts. @param onBook is told of every book that is new */
  follow(onBook: (book: PrincipalBook) => void, signal: AbortSignal): Promise<void>;
}

/** In the state directory. */
const GRANTS_FILE = 'grants.yaml';
const LOOK_INTERVAL_MS = 1000;
/** Requests that come close together are judged by one look. */
const FRESH_MS = 100;
const MAX_SHOWN_PROBLEMS = 5;

export interface RegistryPrincipalsDeps {
  readonly log: Log;
  readonly records: RegistryRecords;
  /** Whether a host in a device configuration is this datastore. */
  isOwnHost(host: string): boolean;
  /** Milliseconds since 1970. */
  readonly nowMs?: () => number;
}

/** Where grants stand. */
export interface GrantsPlace {
  readonly stateDirectory: string;
  /** undefined: the one of the state directory, where there is one. */
  readonly grantsFile: string | undefined;
}

export type RegistryPrincipalsOptions = GrantsPlace &
  Pick<BookSources, 'writeToken' | 'adminCertificates' | 'readCredential'>;

/** Nobody has a grant. */
const NO_GRANTS: GrantsDocument = { users: new Map(), devices: new Map(), grants: [], assignments: [] };
const NO_RECORDS: Pick<BookSources, 'users' | 'devices' | 'tokens'> = {
  ...{ users: new Map(), devices: new Map(), tokens: new Map() },
};

async function isThere(file: string): Promise<boolean> {
  try {
    await lstat(file);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return false;
    throw error;
  }
}

/** The given file, or the one of the state directory. @throws ConfigurationError when the given one is not there */
async function findGrantsFile({ grantsFile, stateDirectory }: GrantsPlace): Promise<string> {
  if (grantsFile === undefined) return join(stateDirectory, GRANTS_FILE);
  if (await isThere(grantsFile)) return grantsFile;
  throw new ConfigurationError(`--grants ${grantsFile} does not exist`);
}

/**
 * Why the grants cannot be used, as a sentence; undefined: they can, or there are none.
 *
 * @throws ConfigurationError when a given file is not there
 */
export async function whyNoGrants(place: GrantsPlace): Promise<string | undefined> {
  const file = await findGrantsFile(place);
  try {
    if (await isThere(file)) parseGrants(readYamlFile(file), file);
    return undefined;
  } catch (error) {
    return `the grants in ${file} cannot be used: ${errorMessage(error)}`;
  }
}

async function followGrants(log: Log, place: GrantsPlace) {
  const file = await findGrantsFile(place);
  let wasThere = false;
  return followFiles<GrantsDocument | undefined>(
    { log },
    {
      ...{ name: `the grants in ${file}`, files: [file], none: NO_GRANTS },
      meanwhile: 'nobody but administrators may use the registry until this is put right',
      async read() {
        if (await isThere(file)) {
          wasThere = true;
          return parseGrants(readYamlFile(file), file);
        }
        // That it is gone must not open what it closed.
        if (wasThere) throw new Error('the file is gone');
        return undefined;
      },
    },
  );
}

/** What commands made. */
function followRecords(log: Log, { users, devices, tokens }: RegistryRecords) {
  return followFiles(
    { log },
    {
      name: 'the users, devices and temporary tokens of the registry',
      files: [users.file, devices.file, tokens.file],
      none: NO_RECORDS,
      meanwhile: 'none of them is known until this is put right',
      async read() {
        const made = [...(await devices.read())];
        return {
          users: await users.read(),
          devices: new Map(made.map(([id, { key, certificate }]) => [id, { key, certificate }])),
          tokens: await tokens.read(),
        };
      },
    },
  );
}

/**
 * Opens them. What is wrong with the grants closes the registry to all but administrators until it is put right, and
 * does not keep images from being served.
 *
 * @throws ConfigurationError when a given file of grants is not there
 */
export async function openRegistryPrincipals(
  { log, records, isOwnHost, nowMs = Date.now }: RegistryPrincipalsDeps,
  options: RegistryPrincipalsOptions,
): Promise<RegistryPrincipals> {
  const { writeToken, adminCertificates, readCredential } = options;
  const grants = await followGrants(log, options);
  const made = await followRecords(log, records);
  const assignments = createAssignmentFiles(isOwnHost);
  let told = '';

  function makeBook(): PrincipalBook {
    const configured = { writeToken, adminCertificates, readCredential };
    const assigned = assignments.current().grants;
    return createPrincipalBook(
      { ...configured, ...made.current(), grants: grants.current(), assigned },
      nowMs,
    );
  }
  let current = makeBook();

  /** Says once what of the assignments cannot be used. */
  function tellOfAssignments(): void {
    const { problems } = assignments.current();
    const text = problems.join('\n');
    if (text !== told && text !== '') {
      const shown = problems.slice(0, MAX_SHOWN_PROBLEMS);
      log.warn({ problems: shown, count: problems.length }, 'some assignments of images cannot be used');
    }
    told = text;
  }

  const inTurn = createInTurn();
  let lookedMs = Number.NEGATIVE_INFINITY;
  async function look(): Promise<void> {
    const beganMs = performance.now();
    const news = [
      await grants.look(),
      await made.look(),
      await assignments.look(grants.current()?.assignments ?? []),
    ];
    lookedMs = beganMs;
    if (!news.includes(true)) return;
    current = makeBook();
    tellOfAssignments();
  }
  /** @param sinceMs a look that began after it is new enough: those that wait for one share it */
  const lookInTurn = (sinceMs: number) =>
    inTurn(async () => {
      if (lookedMs <= sinceMs) await look();
    });
  await lookInTurn(performance.now());

  return {
    current: () => current,
    async book() {
      await lookInTurn(performance.now() - FRESH_MS);
      return current;
    },
    async newest() {
      await lookInTurn(performance.now());
      return current;
    },
    warnings() {
      const { problems } = assignments.current();
      const [first] = problems;
      const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
      const assigned =
        first === undefined ? [] : [`An assignment of images cannot be used: ${first}${more}.`];
      return [...[grants.trouble() ?? []].flat(), ...[made.trouble() ?? []].flat(), ...assigned];
    },
    async noteDone(subject) {
      const id = subject.startsWith('temp:') ? subject.slice('temp:'.length) : undefined;
      if (id === undefined || made.current().tokens.get(id) === undefined) return;
      await records.tokens.edit((tokens) => endSoon(tokens, id, nowMs()));
    },
    async follow(onBook, signal) {
      let given: PrincipalBook | undefined;
      while (!signal.aborted) {
        await lookInTurn(performance.now()).catch((error) =>
          log.error({ err: error }, 'the grants cannot be watched'),
        );
        if (current !== given) onBook(current);
        given = current;
        await waitFor(LOOK_INTERVAL_MS, signal);
      }
    },
  };
}
