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

type BlobCargo = Cargo & { readonly repository: string };

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
  const table = createFlightTable<BlobCargo>({ ...deps, landingFor: (wanted) => landingIn(store, wanted) });
  return {
    async open({ client, upstreamRepository, repository, digest, sizeBytes }) {
      const source = await table.open({
        ...{ repository, digest, sizeBytes },
        read: (position, signal) => client.openBlob(upstreamRepository, digest, position, signal),
      });
      return source && { digest, sizeBytes, source };
    },
    list: () =>
      table.list().map(({ wanted: { digest, repository, sizeBytes }, receivedBytes }) => ({
        ...{ digest: formatDigest(digest), repository, receivedBytes, sizeBytes },
      })),
    receivedBytes: table.receivedBytes,
    stop: table.stop,
  };
}
