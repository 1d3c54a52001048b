// SPDX-License-Identifier: Apache-2.0
import { countText, sizeText } from '@local-datastore/shared/text/quantities';
import type { CommandContext } from '../command-context.ts';
import type { ImportReport } from './import-kind.ts';

/** What was imported, and what was not, as lines for a person. */
export function tellReport(
  { stdout, stderr }: Pick<CommandContext, 'stdout' | 'stderr'>,
  report: ImportReport,
): void {
  for (const notice of report.notices) stderr.write(`${notice}\n`);
  for (const { repository, tag, digest, sizeBytes, newBytes } of report.images) {
    stdout.write(
      `${repository}:${tag}  ${digest}  ${sizeText(sizeBytes)}, ${sizeText(newBytes)} of it new\n`,
    );
  }
  const { chunk } = report;
  if (chunk !== undefined && report.images.length === 0 && report.failed.length === 0) {
    stderr.write(
      `chunk ${chunk.chunk} of ${chunk.of}: ${countText(report.blobs, 'blob')} kept for a day; chunk 1 names the images\n`,
    );
  }
  for (const { name, message, missing = [] } of report.failed) {
    stderr.write(`${name}: ${message}\n`);
    for (const { digest, sizeBytes, chunks } of missing) {
      const where = chunks === undefined ? '' : `  in chunk ${chunks.join(', ')}`;
      stderr.write(`  missing: ${digest}  ${sizeText(sizeBytes)}${where}\n`);
    }
  }
}
