// SPDX-License-Identifier: Apache-2.0
import { readConfigDocument } from '@local-datastore/shared/eve/config-document';
import { problemText } from '@local-datastore/shared/eve/config-entry';
import type { ContentTree } from '@local-datastore/shared/eve/content-tree';
import { type DeviceConfig, readDeviceConfig } from '@local-datastore/shared/eve/device-config';
import * as z from 'zod';
import { DEVICE_ID } from './grants-document.ts';
import type { Grant } from './registry-policy.ts';

/** A device configuration, or a part of one, as it stands in a file. */
export interface AssignmentPiece {
  /** Of the file, for what is said of it. */
  readonly name: string;
  readonly document: unknown;
}

export interface Assignments {
  readonly grants: readonly Grant[];
  /** What could not be used, as sentences; the rest counts. */
  readonly problems: readonly string[];
}

/** A repository as the specification has it (OCI distribution-spec, "Pulling manifests"). */
const REPOSITORY = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*(?:\\/[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*)*';
const IMAGE = new RegExp(
  `^(${REPOSITORY})(?::([A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$`,
);
const MAX_NAME_CHARACTERS = 1024;

const withId = z.object({ id: z.object({ uuid: z.string().toLowerCase().regex(DEVICE_ID) }) });

/** Whose configuration a document is: `id.uuid` of EVE's `EdgeDevConfig`, also within its envelope. */
function deviceOf(document: unknown): string | undefined {
  const enveloped = z.object({ config: withId }).safeParse(document).data?.config;
  return (withId.safeParse(document).data ?? enveloped)?.id.uuid;
}

const hostOf = (fqdn: string) =>
  fqdn
    .trim()
    .replace(/^[a-z][a-z0-9+.-]*:\/\//i, '')
    .replace(/[/?#].*$/s, '')
    .replace(/:\d*$/, '');

/** What a content tree names in a registry: its tag, and the digest where one is given. */
function imageOf(dpath: string, { URL: url, sha256 }: ContentTree) {
  const path = [...dpath.split('/'), ...url.split('/')].filter((part) => part !== '').join('/');
  const [, repository, tag, digest] = path.length > MAX_NAME_CHARACTERS ? [] : (IMAGE.exec(path) ?? []);
  if (repository === undefined) return undefined;
  const named = digest ?? tag ?? 'latest';
  const references = sha256 === '' ? [named] : [named, `sha256:${sha256.toLowerCase()}`];
  return { repository, references: [...new Set(references)] };
}

function grantsOf(who: string, config: DeviceConfig, isOwnHost: (host: string) => boolean): Grant[] {
  const registries = new Map(
    config.datastores
      .filter(({ dType, fqdn }) => dType === 'DsContainerRegistry' && isOwnHost(hostOf(fqdn)))
      .map((datastore) => [datastore.id.toLowerCase(), datastore.dpath]),
  );
  return config.contentInfo
    .filter(({ iformat }) => iformat === 'CONTAINER')
    .flatMap((tree) => {
      const ids = [...tree.dsIdsList, ...(tree.dsId === undefined ? [] : [tree.dsId])];
      const named = ids
        .flatMap((id) => registries.get(id.toLowerCase()) ?? [])
        .flatMap((dpath) => imageOf(dpath, tree) ?? []);
      const images = named.flatMap(({ repository, references }) =>
        references.map((reference) => ({ matches: (name: string) => name === repository, reference })),
      );
      return images.length === 0
        ? []
        : [{ who: [who], actions: ['pull' as const], repositories: [], images }];
    });
}

/**
 * The images that device configurations assign: what their content trees of format CONTAINER name in a registry that
 * is this datastore. Files of one device are put together; what is nobody's in particular is every device's.
 *
 * @param isOwnHost whether a host in a datastore's `fqdn` is this one
 */
export function assignImages(
  pieces: readonly AssignmentPiece[],
  isOwnHost: (host: string) => boolean,
): Assignments {
  const problems: string[] = [];
  const read = pieces.flatMap(({ name, document }) => {
    const found = readConfigDocument(document);
    if (found.isConfig) return [{ who: `device:${deviceOf(document) ?? '*'}`, name, lists: found.lists }];
    problems.push(`${name}: ${problemText(found)}`);
    return [];
  });
  const grants = [...Map.groupBy(read, ({ who }) => who)].flatMap(([who, own]) => {
    const config = readDeviceConfig(own);
    const unusable = [...config.unusableTrees, ...config.unusableDatastores];
    problems.push(...unusable.flatMap((each) => each.problems.map(problemText)));
    return grantsOf(who, config, isOwnHost);
  });
  return { grants, problems };
}
