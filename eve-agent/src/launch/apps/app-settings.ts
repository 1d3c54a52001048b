// SPDX-License-Identifier: Apache-2.0
import { CodedError } from '@local-datastore/shared/errors';
import { type DeploymentSettings, parseDeployment } from '../deployments/deployment-settings.ts';
import type { ContainerOwner } from '../deployments/prepare-container.ts';

/** What stands under our own key of an app cannot be used. */
export class AppSettingsError extends CodedError<'APP_UNUSABLE'> {}

/** An app as the owner of its container. */
export const APP_OWNER: ContainerOwner = {
  unusable: (why, cause) => new AppSettingsError('APP_UNUSABLE', `localDatastore.args: ${why}`, { cause }),
  lacks: ({ flag, value, permission }) =>
    permission === 'host-path'
      ? `${flag} ${value} shows a path of the host, which an app cannot have: its volumes stand in volumeRefList`
      : `${flag} ${value} needs the permission "${permission}", which an app cannot have`,
};

/**
 * What stands under our own key of an app, `localDatastore`: `args`, `health`, `settle`, `keep` and `stopTimeout`, as in
 * a deployment. A device's configuration permits nothing that needs a permission.
 *
 * @param name of the app, for messages
 * @returns a text: why it cannot be used
 */
export function readAppSettings(name: string, extension: unknown): DeploymentSettings | string {
  if (
    extension !== undefined &&
    (typeof extension !== 'object' || extension === null || Array.isArray(extension))
  )
    return 'localDatastore: an object expected';
  const entry: { readonly name: string } = Object.assign({ keep: 0 }, extension, { name });
  const parsed = parseDeployment(entry, { allow: [], allowedHostPaths: [] });
  const refused = [...parsed.unknown];
  const given = (extension ?? {}) as Readonly<Record<string, unknown>>;
  for (const key of ['allow', 'allowedHostPaths', 'image']) if (Object.hasOwn(given, key)) refused.push(key);
  if (refused.length > 0) return `localDatastore: ${refused.join(', ')} cannot be given to an app`;
  return parsed.problem === null ? parsed.settings : `localDatastore.${parsed.problem}`;
}
