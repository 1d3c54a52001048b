// SPDX-License-Identifier: Apache-2.0
import { randomBytes, X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { ConfigurationError, errorMessage } from '@local-datastore/shared/errors';
import { makePassword, toPkcs12 } from '@local-datastore/shared/tls/pkcs12';
import { planAuthorityValidity, planValidity } from '@local-datastore/shared/tls/validity';
import {
  AUTHORITY_FILES,
  appendIssued,
  type Issued,
  readAuthority,
  readIssued,
  readRevocationPem,
  refuseOccupied,
  withFolder,
  writeBrowserFile,
  writeIdentity,
  writeRevocationList,
} from './authority-files.ts';

/** A certificate that was made, and where its files stand. */
export interface MadeCertificate {
  readonly name: string;
  readonly certificate: string;
  readonly key: string;
  /** Hexadecimal. */
  readonly serial: string;
  /** ISO 8601. */
  readonly notAfter: string;
  /** SHA-256 as openssl prints it: upper-case hex, with colons. */
  readonly sha256: string;
}

/** Both in one file, as browsers take them, and the password that opens it: nobody can tell it again. */
export interface BrowserFile {
  readonly file: string;
  readonly password: string;
}

export interface IssueOptions {
  /** Where the authority stands. */
  readonly authority: string;
  /** Where the certificate goes. */
  readonly out: string;
  readonly days: number;
  readonly isForced: boolean;
  readonly nowMs: number;
}

/** X.520's ub-common-name. */
const MAX_COMMON_NAME = 64;
const HOST_NAME =
  /^(?=.{1,253}$)(?:\*\.)?[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/;
const CLIENT_NAME = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,62}$/;
/** The stems of other files in the same folder. */
const RESERVED_NAMES: readonly string[] = ['ca', 'server'];
/** PKCS #12, by the name that systems know it by. */
const BROWSER_SUFFIX = '.p12';
const SERIAL = /^(?:[0-9a-fA-F]{2}:?){1,20}$/;

/** @throws ConfigurationError unless a certificate can be for it: a host name or an address */
export function parseCertificateHost(text: string): string {
  if (isIP(text) !== 0 || HOST_NAME.test(text)) return text;
  throw new ConfigurationError(`"${text}" is neither a host name nor an address`);
}

/** @throws ConfigurationError unless files can be called so */
export function parseClientName(text: string): string {
  if (!CLIENT_NAME.test(text)) {
    throw new ConfigurationError(
      `"${text}" is no name of a client: letters, digits, ".", "_", "-" and "@" expected, at most 63`,
    );
  }
  if (RESERVED_NAMES.includes(text.toLowerCase())) {
    throw new ConfigurationError(`"${text}" is what other files are called: choose another name`);
  }
  return text;
}

const nameOf = ({ subject }: X509Certificate) => /^CN=(.*)$/m.exec(subject)?.[1] ?? subject;

function describe(
  pem: string,
  files: { readonly certificate: string; readonly key: string },
): MadeCertificate {
  const certificate = new X509Certificate(pem);
  return {
    name: nameOf(certificate),
    ...files,
    serial: certificate.serialNumber.toLowerCase(),
    notAfter: certificate.validToDate.toISOString(),
    sha256: certificate.fingerprint256,
  };
}

/**
 * Makes an authority in a folder: certificate, key, and a list of nobody who is revoked.
 *
 * @param commonName undefined: one that no other authority has
 * @throws ConfigurationError when there is one already
 */
export async function makeAuthority(
  folder: string,
  options: { readonly commonName: string | undefined; readonly isForced: boolean; readonly nowMs: number },
): Promise<MadeCertificate & { readonly revocations: string }> {
  const { nowMs, isForced } = options;
  // Two authorities of one name would be taken for each other.
  const name = options.commonName ?? `deployments authority ${randomBytes(4).toString('hex')}`;
  const { issueAuthority, issueRevocationList } = await import(
    '@local-datastore/shared/tls/issue-certificates'
  );
  return withFolder(folder, async () => {
    const list = join(folder, AUTHORITY_FILES.revocations);
    refuseOccupied([list], isForced);
    const validity = planAuthorityValidity(nowMs);
    const identity = await issueAuthority(name, validity);
    const files = await writeIdentity(folder, 'ca', identity, isForced);
    const pem = await issueRevocationList(identity, [], {
      ...{ number: 1, thisUpdate: new Date(nowMs), nextUpdate: validity.notAfter },
    });
    await writeRevocationList(folder, pem);
    return { ...describe(identity.certificate, files), revocations: list };
  });
}

async function issue(
  stem: string,
  kind: Issued['kind'],
  names: { readonly commonName: string; readonly alternativeNames: readonly string[] },
  { authority: authorityFolder, out, days, isForced, nowMs }: IssueOptions,
): Promise<MadeCertificate> {
  const { issueLeaf } = await import('@local-datastore/shared/tls/issue-certificates');
  return withFolder(authorityFolder, async () => {
    const authority = await readAuthority(authorityFolder, nowMs);
    refuseOccupied([join(out, `${stem}.key`), join(out, `${stem}.crt`)], isForced);
    const validity = planValidity(days, nowMs, authority.notAfter);
    const identity = await issueLeaf(authority, { ...validity, ...names, usage: kind });
    const issuedAt = new Date(nowMs).toISOString();
    await appendIssued(authorityFolder, identity.certificate, { name: names.commonName, kind, issuedAt });
    return describe(identity.certificate, await writeIdentity(out, stem, identity, isForced));
  });
}

/** Makes the certificate of a server. @param hosts names and addresses under which clients reach it */
export function makeServerCertificate(
  hosts: readonly string[],
  options: IssueOptions,
): Promise<MadeCertificate> {
  const [first = ''] = hosts;
  const commonName = first.length > MAX_COMMON_NAME ? 'server' : first;
  return issue('server', 'server', { commonName, alternativeNames: [...new Set(hosts)] }, options);
}

/** Makes the certificate of a client. @param name from parseClientName */
export function makeClientCertificate(name: string, options: IssueOptions): Promise<MadeCertificate> {
  return issue(name, 'client', { commonName: name, alternativeNames: [] }, options);
}

/**
 * Makes a file for browsers of a client's certificate and key, which stand beside it.
 *
 * @throws ConfigurationError where the folder does not take it
 */
export async function makeBrowserFile({ name, certificate, key }: MadeCertificate): Promise<BrowserFile> {
  const password = makePassword();
  const identity = { certificate: await readFile(certificate, 'utf8'), key: await readFile(key, 'utf8') };
  const file = certificate.replace(/\.crt$/, BROWSER_SUFFIX);
  return { file: await writeBrowserFile(file, toPkcs12(identity, name, password)), password };
}

/** The serials that a text stands for: a certificate's file, a name that was issued, or a serial. */
async function serialsOf(text: string, folder: string, issued: readonly Issued[]): Promise<string[]> {
  const named = issued.filter(({ name }) => name === text).map(({ serial }) => serial);
  if (named.length > 0) return named;
  if (existsSync(text)) {
    try {
      return [new X509Certificate(await readFile(text)).serialNumber.toLowerCase()];
    } catch (error) {
      throw new ConfigurationError(`${text} holds no certificate: ${errorMessage(error)}`, { cause: error });
    }
  }
  if (SERIAL.test(text)) return [text.replaceAll(':', '').toLowerCase()];
  const names = [...new Set(issued.map(({ name }) => name))];
  const known = names.length === 0 ? 'none was issued' : `issued were ${names.join(', ')}`;
  throw new ConfigurationError(
    `"${text}" is no certificate of ${folder}: a name, a file or a serial in hexadecimal expected; ${known}`,
  );
}

/**
 * Takes certificates back: all that a name was given, that of a file, or one by its serial.
 *
 * @returns the list, and the serials that stand in it anew
 * @throws ConfigurationError when a text stands for nothing; nothing is changed then
 */
export async function revokeCertificates(
  folder: string,
  texts: readonly string[],
  nowMs: number,
): Promise<{ readonly file: string; readonly revoked: readonly string[]; readonly count: number }> {
  const { issueRevocationList, readRevocationList } = await import(
    '@local-datastore/shared/tls/issue-certificates'
  );
  return withFolder(folder, async () => {
    const authority = await readAuthority(folder, nowMs);
    const issued = await readIssued(folder);
    const serials = (await Promise.all(texts.map((text) => serialsOf(text, folder, issued)))).flat();
    const pem = await readRevocationPem(folder);
    let before: ReturnType<typeof readRevocationList>;
    try {
      before = readRevocationList(pem);
    } catch (error) {
      const list = join(folder, AUTHORITY_FILES.revocations);
      throw new ConfigurationError(`${list} holds no list of revoked certificates`, { cause: error });
    }
    const known = new Set(before.revocations.map(({ serial }) => serial.toLowerCase()));
    const revoked = [...new Set(serials)].filter((serial) => !known.has(serial));
    const revokedAt = new Date(nowMs);
    const all = [...before.revocations, ...revoked.map((serial) => ({ serial, revokedAt }))];
    const file = await writeRevocationList(
      folder,
      await issueRevocationList(authority, all, {
        ...{ number: before.number + 1, thisUpdate: revokedAt, nextUpdate: authority.notAfter },
      }),
    );
    return { file, revoked, count: all.length };
  });
}
