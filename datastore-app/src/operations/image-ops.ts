// SPDX-License-Identifier: Apache-2.0
import { FILE_FORMATS, fileFormatOf } from '../formats/file-formats.ts';
import { createFileOperations, type FileOperationsDeps } from './file-operations.ts';
import type { ImageName } from './image-name.ts';
import {
  type ImageOperations,
  OPERATION_FORMATS,
  OPERATIONS,
  type OperationFormat,
  type OperationName,
} from './image-operations.ts';
import type { OperationFailure } from './operation-result.ts';
import { createRegistryOperations, type RegistryOperationsDeps } from './registry-operations.ts';
import { unsupportedReason } from './unsupported-reason.ts';

export interface ImageOpsDeps {
  readonly files: FileOperationsDeps;
  /** undefined: the registry is off. */
  readonly registry: RegistryOperationsDeps | undefined;
}

/** The operations of one format; what it lacks answers UNSUPPORTED, with the formats that have it. */
export type ImageOps = (format: OperationFormat) => ImageOperations;

/** What each format has: said by which of its operations there are. */
function partsOf({ files, registry }: ImageOpsDeps): Map<OperationFormat, Partial<ImageOperations>> {
  const parts = new Map<OperationFormat, Partial<ImageOperations>>();
  for (const { name } of FILE_FORMATS)
    parts.set(name, asAny('file', createFileOperations(files, fileFormatOf(name))));
  if (registry !== undefined) parts.set('oci', asAny('oci', createRegistryOperations(registry)));
  return parts;
}

/** A name of the other kind has been parsed for another format: nobody who asks by `formatOf` gives it. */
function asAny<Kind extends ImageName['kind']>(
  kind: Kind,
  operations: Partial<ImageOperations<Extract<ImageName, { kind: Kind }>>>,
): Partial<ImageOperations> {
  return Object.fromEntries(
    Object.entries(operations).map(([operation, act]) => [
      operation,
      async (name: ImageName, ...rest: unknown[]) => {
        if (name.kind === kind) return (act as (...all: unknown[]) => unknown)(name, ...rest);
        const message = kind === 'file' ? 'The path of an image is expected.' : 'A repository is expected.';
        return { ok: false, code: 'NAME_INVALID', message } satisfies OperationFailure;
      },
    ]),
  );
}

/** Makes the one factory of operations on images, by format. */
export function createImageOps(deps: ImageOpsDeps): ImageOps {
  const parts = partsOf(deps);

  function unsupported(operation: OperationName, format: OperationFormat): OperationFailure {
    const formats = OPERATION_FORMATS.filter((each) => parts.get(each)?.[operation] !== undefined);
    const others = formats.length === 0 ? 'no format has it' : `it is there for ${formats.join(', ')}`;
    const reason = unsupportedReason(operation, format);
    const message = `There is no ${operation} of ${format}: ${others}.${reason === undefined ? '' : ` ${reason}`}`;
    return { ok: false, code: 'UNSUPPORTED', message, formats };
  }

  return (format) => {
    const own = parts.get(format) ?? {};
    const lacking = OPERATIONS.filter((operation) => own[operation] === undefined);
    const refusals = lacking.map((operation) => [operation, async () => unsupported(operation, format)]);
    return { ...own, ...Object.fromEntries(refusals) } as ImageOperations;
  };
}
