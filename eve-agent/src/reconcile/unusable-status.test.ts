// SPDX-License-Identifier: Apache-2.0
import { NO_LISTS } from '@local-datastore/shared/eve/config-document';
import { readDeviceConfig } from '@local-datastore/shared/eve/device-config';
import { createManualClock } from '@local-datastore/shared/manual-clock';
import { describe, expect, it } from 'vitest';
import type { ContentStore } from '../content/content-store.ts';
import { createActual, createContent } from './actual.ts';
import { planDesired } from './desired.ts';
import { StatusBoard, type StatusEvent } from './status-board.ts';
import { configOf, datastoreIdOf, datastoreOf, sha256Of, treeOf, uuidOf } from './test-fixtures.ts';
import { statusKeyOf } from './unusable-status.ts';

const desiredOf = (trees: readonly unknown[], name = '') =>
  planDesired(
    readDeviceConfig([{ name, lists: { ...NO_LISTS, datastores: [datastoreOf(1)], contentInfo: trees } }]),
    {
      allowPlainCredentials: false,
    },
  );

function createBoard() {
  const actual = createActual();
  const written = new Map<string, object>();
  const board = new StatusBoard(
    {
      statusFiles: {
        write: (key, document) => written.set(key, document).size > 0,
        flush: () => null,
        remove: (key) => void written.delete(key),
        keepOnly(keys) {
          for (const key of [...written.keys()]) if (!keys.has(key)) written.delete(key);
        },
      },
      store: {} as ContentStore,
      clock: createManualClock(),
      wallMs: () => 0,
    },
    actual,
  );
  const events: StatusEvent[] = [];
  for (const number of [1, 2]) {
    const sha256 = sha256Of(`content ${number}`);
    actual.contents.set(sha256, createContent(sha256, 0));
  }
  board.onEvent((event) => events.push(event));
  return { board, written, events };
}

describe('an entry that cannot be used', () => {
  it('has a status and an error of its own: by its uuid, or by its place and name', () => {
    const { board, written, events } = createBoard();
    const nameless = { displayName: 'nameless', URL: 'n.img' };
    board.adopt(desiredOf([treeOf(1, { iformat: 99 }), treeOf(2), nameless, treeOf(2)]));
    const statuses = board.statuses();
    expect(
      statuses.map(({ ContentID, DisplayName, ErrorCode }) => [ContentID, DisplayName, ErrorCode]),
    ).toEqual([
      [uuidOf(2), 'image-2', ''],
      [uuidOf(1), 'image-1', 'CONFIGURATION_INVALID'],
      ['contentInfo[2]', 'nameless', 'CONFIGURATION_INVALID'],
      ['contentInfo[3]', 'image-2', 'CONFIGURATION_INVALID'],
    ]);
    expect(board.status(uuidOf(1).toUpperCase())).toMatchObject({
      State: 'INITIAL',
      RelativeURL: 'file-1',
      Error: expect.stringContaining('contentInfo[0].iformat: one of FmtUnknown'),
      ErrorSeverity: 'SEVERITY_ERROR',
      ErrorTime: '1970-01-01T00:00:00.000Z',
      ErrorRetryCondition: 'waits for a change of the configuration',
    });
    expect(board.status('contentInfo[3]')?.Error).toContain('is the uuid of contentInfo[1] already');
    expect([...written.keys()].sort()).toEqual(
      [uuidOf(1), uuidOf(2), 'contentInfo[2]', 'contentInfo[3]'].sort(),
    );
    board.adopt(desiredOf([treeOf(1), treeOf(2)]));
    expect([...written.keys()].sort()).toEqual([uuidOf(1), uuidOf(2)]);
    expect(events.filter(({ kind }) => kind === 'removed')).toEqual([
      { kind: 'removed', uuid: 'contentInfo[2]' },
      { kind: 'removed', uuid: 'contentInfo[3]' },
    ]);
    expect(board.status(uuidOf(1))?.Error).toBe('');
  });

  it('says so on the tree that stays from before', () => {
    const { board } = createBoard();
    const config = readDeviceConfig([
      { name: '', lists: { ...NO_LISTS, datastores: [], contentInfo: [treeOf(1, { sha256: 'x' })] } },
    ]);
    const before = configOf([treeOf(1)]);
    const both = { ...config, datastores: before.datastores, contentInfo: before.contentInfo };
    board.adopt(planDesired(both, { allowPlainCredentials: false }));
    expect(board.statuses()).toMatchObject([
      {
        ContentID: uuidOf(1),
        MaxDownloadSize: 1000,
        Error: expect.stringContaining('what was configured before stays'),
      },
    ]);
  });

  it.each([
    ['contentInfo[2]', /^contentInfo\[2\]$/],
    [uuidOf(1), new RegExp(`^${uuidOf(1)}$`)],
    ['10 a.json: contentInfo[2]', /^10_a\.json__contentInfo\[2\]-[0-9a-f]{8}$/],
    [`${'ä'.repeat(250)}.json: contentInfo[2]`, /^_+\.json__contentInfo\[2\]-[0-9a-f]{8}$/],
  ])('has its status in a file whose name is one: %s', (id, key) => {
    expect(statusKeyOf(id)).toMatch(key);
    expect(statusKeyOf(id).length).toBeLessThanOrEqual(100);
  });
});

describe('a tree', () => {
  const config = (datastores: readonly unknown[], tree: object) =>
    planDesired(readDeviceConfig([{ name: '', lists: { ...NO_LISTS, datastores, contentInfo: [tree] } }]), {
      allowPlainCredentials: false,
    }).trees.get(uuidOf(1));

  it('goes on with its other datastores where one cannot be read, and names it', () => {
    const dsIdsList = [datastoreIdOf(2), 'no uuid', datastoreIdOf(1)];
    const tree = config([datastoreOf(1), datastoreOf(2, { dType: 99 })], treeOf(1, { dsIdsList }));
    expect(tree?.sources.map(({ datastoreId }) => datastoreId)).toEqual([datastoreIdOf(1)]);
    expect(tree?.problems).toEqual([
      expect.stringContaining(`datastore ${datastoreIdOf(2)} cannot be read: datastores[1].dType`),
      'datastore no uuid is not in the configuration',
    ]);
  });

  it('knows where a credential is that nobody here can read', () => {
    const sourceOf = (cipherData: unknown) => config([datastoreOf(1, { cipherData })], treeOf(1))?.sources[0];
    expect(sourceOf({ cipherContextId: 'x', cipherData: 'eA==' })?.hasCipherData).toBe(true);
    for (const none of [undefined, null, {}, '']) expect(sourceOf(none)?.hasCipherData).toBe(false);
  });
});
