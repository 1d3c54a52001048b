// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { ANNOTATIONS, DESCRIPTOR, type Descriptor } from './descriptor.ts';
import { FULL_NAME, REF_NAME } from './image-archive.ts';

/** A manifest that the index of a layout names, and how it is called there. */
export interface LayoutEntry {
  readonly descriptor: Descriptor;
  /** A name, `name:tag`, or a tag alone; undefined: it has none. */
  readonly name: string | undefined;
}

const LAYOUT = z.object({ imageLayoutVersion: z.string() });
const INDEX = z.object({ manifests: z.array(DESCRIPTOR).max(1000), annotations: ANNOTATIONS });

/** The entries of the `index.json` of a layout with their names; undefined where it is something else. */
export function layoutEntries(document: unknown): readonly LayoutEntry[] | undefined {
  return INDEX.safeParse(document).data?.manifests.map((descriptor) => {
    const { [FULL_NAME]: fullName, [REF_NAME]: refName } = descriptor.annotations ?? {};
    return { descriptor, name: fullName ?? refName };
  });
}

/** Whether a document is what marks a layout. */
export const isLayoutMark = (document: unknown): boolean => LAYOUT.safeParse(document).success;
