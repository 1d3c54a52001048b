// SPDX-License-Identifier: Apache-2.0
import { REGISTRY_API } from '../../http/registry-gate.ts';
import { importReportSchema } from '../../http/routes/registry-import.ts';
import type { ImportDeps, ImportReport, ImportRequest } from './import-kind.ts';

/** Sends an archive to the datastore, which imports it while it comes. @param totalBytes undefined: nobody knows */
export function sendArchive(
  { source, as, platforms }: ImportRequest,
  content: AsyncIterable<Uint8Array>,
  totalBytes: number | undefined,
  { client, progress }: Pick<ImportDeps, 'client' | 'progress'>,
): Promise<ImportReport> {
  const query = new URLSearchParams(platforms.map((platform): [string, string] => ['platform', platform]));
  if (as !== undefined) query.set('name', as);
  const path = query.size === 0 ? `${REGISTRY_API}/import` : `${REGISTRY_API}/import?${query}`;
  return client.upload(path, progress.watch(source, content, totalBytes), importReportSchema());
}
