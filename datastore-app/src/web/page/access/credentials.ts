// SPDX-License-Identifier: Apache-2.0
/** A name and a password for reading: EVE's apiKey and password. */
export interface ReadCredential {
  readonly user: string;
  readonly password: string;
}

export interface Credentials {
  readonly writeToken?: string;
  readonly read?: ReadCredential;
}

/** Where credentials are kept: for this tab, or on this device. */
export interface CredentialStorage {
  load(): Credentials;
  save(credentials: Credentials, isRemembered: boolean): void;
}

const KEY = 'datastore-credentials';

function parse(text: string | null): Credentials {
  try {
    const parsed: unknown = JSON.parse(text ?? '{}');
    if (typeof parsed !== 'object' || parsed === null) return {};
    const { writeToken, read } = parsed as Record<string, unknown>;
    const { user, password } = (read ?? {}) as Record<string, unknown>;
    return {
      ...(typeof writeToken === 'string' && { writeToken }),
      ...(typeof user === 'string' && typeof password === 'string' && { read: { user, password } }),
    };
  } catch {
    return {};
  }
}

/** @param tab as sessionStorage @param device as localStorage */
export function createCredentialStorage(tab: Storage, device: Storage): CredentialStorage {
  return {
    load: () => ({ ...parse(device.getItem(KEY)), ...parse(tab.getItem(KEY)) }),
    save(credentials, isRemembered) {
      // What was remembered and is forgotten now must not come back.
      for (const storage of [tab, device]) storage.removeItem(KEY);
      if (Object.keys(credentials).length === 0) return;
      (isRemembered ? device : tab).setItem(KEY, JSON.stringify(credentials));
    },
  };
}

/** An Authorization header of a name and a password (RFC 7617), in UTF-8. */
export function basicAuthorization({ user, password }: ReadCredential): string {
  const bytes = new TextEncoder().encode(`${user}:${password}`);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
}
