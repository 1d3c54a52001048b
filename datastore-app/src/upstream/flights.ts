// SPDX-License-Identifier: Apache-2.0
import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import type { OpenBlob, RegistryStore } from '../blobs/registry-store.ts';
import type { Cargo, FlightDeps, Landing } from './flight.ts';
import { createFlightTable } from './flight-table.ts';
import type { UpstreamClient } from './upstream-client.ts';

/** Where a blob comes from, and to whom it belongs here. */
export interface Wanted {
  readonly client: Pick<UpstreamClient, 'openBlob'>;
  /** As the upstream calls it. */
  readonly upstreamRepository: string;
  /** As it is called here. */
  readonly repository: string;
  readonly digest: OciDigest;
  readonly sizeBytes: number;
  /** Whether nobody of another repository may come along, as where the upstream is not to be trusted with it. */
  readonly isApart?: boolean | undefined;
}

/** Blobs on their way from upstreams: each comes once, however many ask for it. */
export interface Flights {
  /**
   * A blob whose bytes can be read as they arrive; the last of them only when all have been verified. It comes in to
   * its end, whether or not anybody goes on reading.
   *
   * @returns undefined where it is all here by now: the store has it
   * @throws UpstreamError where nothing comes; StoreError where there is no room
   */
  open(wanted: Wanted): Promise<OpenBlob | undefined>;
  /**
   * Has a blob come in without reading it. Where the signal aborts, it ends as well, unless others want it; what has
   * come of it is gone on from another time.
   *
   * @returns how many bytes came because of this: 0 where another one had it come already
   * @throws as {@link Flights.open}; the signal's reason
   */
  fetch(wanted: Wanted, signal: AbortSignal): Promise<number>;
  /** Those that are under way. */
  list(): readonly FlightStatus[];
  /** Bytes that have come from upstreams since the start. */
  receivedBytes(): number;
  /** Ends all; what has come is gone on from later. */
  stop(): Promise<void>;
}

export interface FlightStatus {
  readonly digest: string;
  readonly repository: string;
  readonly receivedBytes: number;
  readonly sizeBytes: number;
}

type BlobUploads = Pick<
  RegistryStore,
  'createUpload' | 'appendUpload' | 'finishUpload' | 'cancelUpload' | 'openUpload' | 'findImport'
>;

export interface FlightsDeps extends FlightDeps {
  readonly store: BlobUploads;
}

type BlobCargo = Cargo & Pick<Wanted, 'repository' | 'isApart'>;

/** A blob is written like an upload to its repository. */
function landingIn(store: BlobUploads, { repository, digest }: BlobCargo): Landing {
  return {
    begin: async () =>
      store.findImport(repository, digest) ??
      store.createUpload(repository, { algorithm: digest.algorithm, expected: digest }),
    append: (id, position, content, onWritten) =>
      store.appendUpload(repository, id, position, content, onWritten),
    finish: async (id) => {
      await store.finishUpload(repository, id, digest);
    },
    cancel: (id) => store.cancelUpload(repository, id),
    openFile: (id) => store.openUpload(repository, id),
  };
}

export function createFlights({ store, ...deps }: FlightsDeps): Flights {
  const table = createFlightTable<BlobCargo>({
    ...deps,
    landingFor: (wanted) => landingIn(store, wanted),
    keyOf: ({ digest, repository, isApart }) =>
      isApart === true ? `${repository} ${formatDigest(digest)}` : formatDigest(digest),
  });
  const toCargo = ({ client, upstreamRepository, ...wanted }: Wanted): BlobCargo => ({
    ...wanted,
    read: (position, signal) => client.openBlob(upstreamRepository, wanted.digest, position, signal),
  });
  return {
    async open(wanted) {
      const { digest, sizeBytes } = wanted;
      const source = await table.open(toCargo(wanted));
      return source && { digest, sizeBytes, source };
    },
    fetch: (wanted, signal) => table.fetch(toCargo(wanted), signal),
    list: () =>
      table.list().map(({ wanted: { digest, repository, sizeBytes }, receivedBytes }) => ({
        ...{ digest: formatDigest(digest), repository, receivedBytes, sizeBytes },
      })),
    receivedBytes: table.receivedBytes,
    stop: table.stop,
  };
}
