// SPDX-License-Identifier: Apache-2.0
import type { Log } from '@local-datastore/shared/log';
import { systemClock } from '@local-datastore/shared/system-clock';
import { selectBridges } from '../discovery/bridges.ts';
import { createFindDatastore } from '../discovery/find-datastore.ts';
import { createLocator, type Locate } from '../discovery/locate.ts';
import type { OpenQuerier } from '../discovery/querier.ts';
import { systemBridgeSources } from '../network/bridge-sources.ts';

/** The bridges of this host. */
export const selectSystemBridges = (names: readonly string[]) => selectBridges(systemBridgeSources, names);

/** Queriers on this host's sockets. Their code is loaded when the first is opened. */
export function createSystemOpenQuerier(log: Log): OpenQuerier {
  return async (bridges) => {
    const [{ createOpenQuerier }, { openBridgeSockets }, { systemPortHolderSources }] = await Promise.all([
      import('../discovery/querier.ts'),
      import('../network/bridge-sockets.ts'),
      import('../network/port-holder-sources.ts'),
    ]);
    return createOpenQuerier({
      openSockets: openBridgeSockets,
      portHolderSources: systemPortHolderSources,
      log,
      clock: systemClock,
    })(bridges);
  };
}

/**
 * From a URL to an address, with this host's bridges, sockets and clock.
 *
 * @param openQuerier on this host's sockets, where they are shared
 */
export function createSystemLocator(log: Log, openQuerier = createSystemOpenQuerier(log)): Locate {
  return createLocator({
    selectBridges: selectSystemBridges,
    findDatastore: createFindDatastore({ openQuerier, clock: systemClock }),
  });
}
