// SPDX-License-Identifier: Apache-2.0
import type { ReadCredential } from './credential.ts';
import type { GrantsDocument, KnownDevice, KnownUser } from './grants-document.ts';
import type { Grant, RegistryRules } from './registry-policy.ts';
import { ANONYMOUS, type RegistryPrincipal } from './registry-principal.ts';
import type { TokenRecord } from './registry-records.ts';

/** Somebody, and what is kept of what it is known by. */
export interface Known {
  readonly principal: RegistryPrincipal;
  /** A kept secret, or the fingerprint of a certificate. */
  readonly credential: string;
}

/** Who is known, and who may do what: at one moment. */
export interface PrincipalBook {
  readonly rules: RegistryRules;
  /** Whether anybody is known by a certificate. */
  readonly hasCertificates: boolean;
  /** Who may say this name, each with a secret of its own. */
  loginsOf(name: string): readonly Known[];
  /** @param fingerprint of its certificate, lower-case hexadecimal digits */
  byCertificate(fingerprint: string): Known | undefined;
  /** Who a token names, with all that it may have been issued for; undefined: nobody, any more. */
  find(
    subject: string,
  ): { readonly principal: RegistryPrincipal; readonly credentials: readonly string[] } | undefined;
}

/** What a book is made of. */
export interface BookSources {
  readonly writeToken: string;
  /** Fingerprints, lower-case hexadecimal digits. */
  readonly adminCertificates: readonly string[];
  readonly readCredential: ReadCredential | undefined;
  /** undefined: nobody said who may do what. */
  readonly grants: GrantsDocument | undefined;
  /** What commands made. */
  readonly users: ReadonlyMap<string, KnownUser>;
  readonly devices: ReadonlyMap<string, KnownDevice>;
  readonly tokens: ReadonlyMap<string, TokenRecord>;
  /** From device configurations. */
  readonly assigned: readonly Grant[];
}

/** In front of the name of every temporary token, and of no user's or device's. */
export const TOKEN_PREFIX = 'temp-';

/**
 * Where the file of grants and a command name the same user or device, the file counts: it is what a person wrote.
 *
 * @param nowMs milliseconds since 1970, by which temporary tokens end
 */
export function createPrincipalBook(sources: BookSources, nowMs: () => number): PrincipalBook {
  const { grants, readCredential, tokens, writeToken, adminCertificates } = sources;
  const users = new Map([...sources.users, ...(grants?.users ?? [])]);
  const devices = new Map([...sources.devices, ...(grants?.devices ?? [])]);
  const byFingerprint = new Map<string, Known>();
  for (const [id, { certificate }] of devices) {
    if (certificate === undefined) continue;
    byFingerprint.set(certificate, { principal: { kind: 'device', id }, credential: certificate });
  }
  for (const credential of adminCertificates) {
    byFingerprint.set(credential, { principal: { kind: 'admin' }, credential });
  }

  function user(name: string): Known | undefined {
    const known = users.get(name);
    if (known === undefined) return undefined;
    return { principal: { kind: 'user', name, groups: known.groups }, credential: known.password };
  }
  function temporary(id: string): Known | undefined {
    const record = tokens.get(id);
    if (record === undefined || Date.parse(record.ends) <= nowMs()) return undefined;
    const { operation, repository, tag, secret } = record;
    return { principal: { kind: 'temporary', id, operation, repository, tag }, credential: secret };
  }
  const only = (known: Known | undefined) =>
    known && { principal: known.principal, credentials: [known.credential] };

  return {
    rules: {
      isPullOpen: grants === undefined && readCredential === undefined,
      grants: [...(grants?.grants ?? []), ...sources.assigned],
    },
    hasCertificates: byFingerprint.size > 0,
    byCertificate: (fingerprint) => byFingerprint.get(fingerprint),
    loginsOf(name) {
      const id = name.toLowerCase();
      const key = devices.get(id)?.key;
      const device: Known | undefined =
        key === undefined ? undefined : { principal: { kind: 'device', id }, credential: key };
      return [user(name), device, temporary(name)].filter((known) => known !== undefined);
    },
    find(subject) {
      const at = subject.indexOf(':');
      const [kind, name] = at < 0 ? [subject, ''] : [subject.slice(0, at), subject.slice(at + 1)];
      if (kind === 'anonymous') return { principal: ANONYMOUS, credentials: [''] };
      if (kind === 'admin') return { principal: { kind }, credentials: [writeToken, ...adminCertificates] };
      if (kind === 'reader') {
        return readCredential && { principal: { kind }, credentials: [credentialOfReader(readCredential)] };
      }
      if (kind === 'user') return only(user(name));
      if (kind === 'temp') return only(temporary(name));
      const device = kind === 'device' ? devices.get(name) : undefined;
      if (device === undefined) return undefined;
      const credentials = [device.key, device.certificate].filter((each) => each !== undefined);
      return { principal: { kind: 'device', id: name }, credentials };
    },
  };
}

export const credentialOfReader = ({ user, password }: ReadCredential): string => `${user}:${password}`;
