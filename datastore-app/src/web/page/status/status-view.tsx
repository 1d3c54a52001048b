// SPDX-License-Identifier: Apache-2.0
import type { Status } from '../api/answers.ts';
import { AdvertisingCard, DownloadsCard, QueriesCard } from './activity-cards.tsx';
import { DatastoreCard, DiskCard, TlsCard } from './overview-cards.tsx';

/** What the datastore does; a part that this version does not tell of is left out. */
export function StatusView({ status }: { status: Status | undefined }) {
  if (status === undefined) return null;
  const { advertising, disk, tls, downloads, queries } = status;
  return (
    <div class="cards">
      <DatastoreCard status={status} />
      {disk !== undefined && <DiskCard disk={disk} />}
      {tls !== undefined && <TlsCard tls={tls} />}
      <AdvertisingCard advertising={advertising} />
      {downloads !== undefined && <DownloadsCard downloads={downloads} />}
      {queries !== undefined && <QueriesCard queries={queries} />}
    </div>
  );
}
