// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { prepareContainer } from '../deployments/prepare-container.ts';
import { APP_OWNER, readAppSettings } from './app-settings.ts';

describe('our own key of an app', () => {
  it.each<[unknown, object | string]>([
    [undefined, { name: 'web', args: [], keep: 0, allow: [] }],
    [{}, { args: [], keep: 0 }],
    [
      { args: '-e A=1', keep: 2, settle: '500ms' },
      { args: '-e A=1', keep: 2, settleMs: 500 },
    ],
    [[], 'localDatastore: an object expected'],
    ['x', 'localDatastore: an object expected'],
    [{ allow: ['devices'], image: 'x' }, 'localDatastore: allow, image cannot be given to an app'],
    [{ bridge: 'bn1' }, 'localDatastore: bridge cannot be given to an app'],
    [{ args: 3 }, 'localDatastore.args: a list of texts expected'],
  ])('%j', (extension, expected) => {
    const settings = readAppSettings('web', extension);
    if (typeof expected === 'string') expect(settings).toBe(expected);
    else expect(settings).toMatchObject(expected);
  });

  it('with another type says which', () => {
    expect(readAppSettings('web', { settle: 'soon' })).toMatch(/^localDatastore\.settle: a time expected/);
  });

  it.each<[string[], string]>([
    [['--privileged'], '--privileged true needs the permission "privileged", which an app cannot have'],
    [['-v', '/srv:/data'], 'shows a path of the host, which an app cannot have'],
    [['--publsh=80'], 'docker run has no flag --publsh'],
    [['--health-start-interval', '5s'], 'needs an engine that speaks API 1.44, this one speaks 1.41'],
  ])('what it cannot have is said in the words of an app: %j', async (args, why) => {
    const settings = readAppSettings('web', { args });
    if (typeof settings === 'string') throw new Error(settings);
    const address = { kind: 'unix', path: '/run/engine.sock' } as const;
    const refused = prepareContainer(settings, { address, apiVersion: async () => 41 }, APP_OWNER);
    const error = await refused.then(
      () => null,
      (reason: Error) => reason,
    );
    expect(error).toMatchObject({ code: 'APP_UNUSABLE', message: expect.stringContaining(why) });
    expect(error?.message).toMatch(/^localDatastore\.args: /);
    expect(error?.message).not.toMatch(/deployment|"allow/);
  });
});
