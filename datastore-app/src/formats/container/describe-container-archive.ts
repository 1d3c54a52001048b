// SPDX-License-Identifier: Apache-2.0
import type { DescribeFormat } from '../image-source.ts';
import { tarContentOf } from '../tar-content.ts';
import type { ContainerArchiveForm } from './container-archive.ts';

/** Claims archives of one form, also such as are compressed with gzip. */
export const describeContainerArchive =
  (form: ContainerArchiveForm): DescribeFormat =>
  async (source) => {
    const content = await tarContentOf(source);
    if (content?.kind !== form) return undefined;
    const { problems } = content;
    return { format: 'container', content: 'container', virtualSizeBytes: null, problems };
  };
