// SPDX-License-Identifier: Apache-2.0
/** Which parts of the agent stand at the place that the page came from: an operator says which of them. */
export interface Offer {
  readonly version: string;
  readonly hasStatus: boolean;
  readonly hasDeployments: boolean;
}

/** What of the API's description (OpenAPI) the page goes by. */
export interface ApiDescription {
  readonly info: { readonly version: string };
  readonly paths: Readonly<Record<string, unknown>>;
}

export const offerOf = ({ info, paths }: ApiDescription): Offer => ({
  version: info.version,
  hasStatus: '/v1/status' in paths,
  hasDeployments: '/v1/deployments' in paths,
});
