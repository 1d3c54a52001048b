// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { createAccess } from './access.ts';
import { basicAuthorization, createCredentialStorage } from './credentials.ts';

const TOKEN = 'token-0123456789';
const READ = { user: 'eve', password: 'secret-ü' };

/** As a browser's, without a browser. */
function fakeStorage(): Storage {
  const entries = new Map<string, string>();
  return {
    get length() {
      return entries.size;
    },
    clear: () => entries.clear(),
    key: (index) => [...entries.keys()][index] ?? null,
    getItem: (key) => entries.get(key) ?? null,
    setItem: (key, value) => void entries.set(key, value),
    removeItem: (key) => void entries.delete(key),
  };
}

function create(tab = fakeStorage(), device = fakeStorage()) {
  return { access: createAccess(createCredentialStorage(tab, device)), tab, device };
}

describe('the write token', () => {
  it('is asked for once, by however many need it', async () => {
    const { access } = create();
    const asked = [access.needWriteToken(), access.needWriteToken()];
    expect(access.prompt.get()).toEqual({ kind: 'write' });
    access.answer({ kind: 'write', writeToken: TOKEN, isRemembered: false });
    expect(await Promise.all(asked)).toEqual([TOKEN, TOKEN]);
    expect(access.prompt.get()).toBeUndefined();
    expect(await access.needWriteToken()).toBe(TOKEN);
  });

  it('may be refused by the person', async () => {
    const { access } = create();
    const asked = access.needWriteToken();
    access.answer(undefined);
    expect(await asked).toBeUndefined();
  });

  it('is asked for again when the datastore refuses it, with the reason', async () => {
    const { access, tab } = create();
    void access.needWriteToken();
    access.answer({ kind: 'write', writeToken: TOKEN, isRemembered: false });
    access.refuseWriteToken(TOKEN);
    expect(access.hasWriteToken.get()).toBe(false);
    expect(tab.length).toBe(0);
    void access.needWriteToken();
    expect(access.prompt.get()?.failure).toContain('did not accept');
  });

  it('stays when an older one is refused late', async () => {
    const { access } = create();
    void access.needWriteToken();
    access.answer({ kind: 'write', writeToken: TOKEN, isRemembered: false });
    access.refuseWriteToken('an-older-one');
    expect(access.writeToken()).toBe(TOKEN);
  });

  it.each([
    [false, 1, 0],
    [true, 0, 1],
  ])('remembered %j: kept in %d tab and %d device entries', (isRemembered, inTab, onDevice) => {
    const { access, tab, device } = create();
    void access.needWriteToken();
    access.answer({ kind: 'write', writeToken: TOKEN, isRemembered });
    expect([tab.length, device.length]).toEqual([inTab, onDevice]);
    expect(create(tab, device).access.writeToken()).toBe(TOKEN);
    access.forgetWriteToken();
    expect([tab.length, device.length]).toEqual([0, 0]);
  });
});

describe('reading', () => {
  it('sends no secret as long as nobody asks for one', async () => {
    const { access } = create();
    void access.needWriteToken();
    access.answer({ kind: 'write', writeToken: TOKEN, isRemembered: false });
    expect(access.readHeaders()).toEqual({});
    expect(access.refuseRead({})).toBe(true);
    expect(access.readHeaders()).toEqual({ Authorization: `Bearer ${TOKEN}` });
  });

  it('asks for the credential', async () => {
    const { access } = create();
    expect(access.refuseRead({})).toBe(false);
    const asked = access.needReadCredential();
    expect(access.prompt.get()).toEqual({ kind: 'read' });
    access.answer({ kind: 'read', credential: READ, isRemembered: false });
    expect(await asked).toBe(true);
    expect(access.readHeaders()).toEqual({ Authorization: basicAuthorization(READ) });
  });

  it.each([false, true])('is forgotten together with the write token, remembered %j', (isRemembered) => {
    const { access, tab, device } = create();
    access.refuseRead({});
    void access.needReadCredential();
    access.answer({ kind: 'read', credential: READ, isRemembered });
    void access.needWriteToken();
    access.answer({ kind: 'write', writeToken: TOKEN, isRemembered });
    expect(access.hasReadCredential.get()).toBe(true);
    access.forgetAll();
    expect([tab.length, device.length]).toEqual([0, 0]);
    expect(access.readHeaders()).toEqual({});
    expect([access.hasReadCredential.get(), access.hasWriteToken.get()]).toEqual([false, false]);
  });

  it('forgets a wrong credential, so that it is not sent every second', async () => {
    const { access } = create();
    access.refuseRead({});
    void access.needReadCredential();
    access.answer({ kind: 'read', credential: READ, isRemembered: true });
    expect(access.refuseRead(access.readHeaders())).toBe(false);
    expect(access.readHeaders()).toEqual({});
    void access.needReadCredential();
    expect(access.prompt.get()?.failure).toContain('did not accept');
  });
});

it('asks for one thing after the other', async () => {
  const { access } = create();
  const write = access.needWriteToken();
  const read = access.needReadCredential();
  expect(access.prompt.get()?.kind).toBe('write');
  access.answer(undefined);
  await write;
  await Promise.resolve();
  expect(access.prompt.get()?.kind).toBe('read');
  access.answer({ kind: 'read', credential: READ, isRemembered: false });
  expect(await read).toBe(true);
});

it('encodes Basic in UTF-8', () => {
  expect(basicAuthorization(READ)).toBe('Basic ZXZlOnNlY3JldC3DvA==');
});

it.each(['', 'no json', '[]', 'null', '{"writeToken":1}', '{"read":{"user":"x"}}'])(
  'takes %j in a storage for nothing',
  (text) => {
    const tab = fakeStorage();
    tab.setItem('datastore-credentials', text);
    expect(createCredentialStorage(tab, fakeStorage()).load()).toEqual({});
  },
);
