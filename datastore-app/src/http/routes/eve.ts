// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage } from 'node:http';
import { jsonResponse } from '@local-datastore/shared/http/operation';
import { sendProblem } from '@local-datastore/shared/http/problem';
import type { Request } from 'express';
import * as z from 'zod';
import type { Places } from '../../access/places.ts';
import type { AdvertiserStatus } from '../../advertise/advertiser.ts';
import { ARTIFACT_PREFIX, artifactPath } from '../../container-images/disk-artifacts.ts';
import { artifactForEve } from '../../eve/listed-artifact.ts';
import { DEFAULT_PORTS, eveSettings } from '../../eve/settings.ts';
import type { EveSettingsInput } from '../../eve/settings-input.ts';
import { parseImagePath } from '../../images/image-path.ts';
import type { TlsStatus } from '../../tls/certificate-source.ts';
import type { ShownImages } from '../../upstream/images/shown-images.ts';
import { bareHost } from '../../upstream/reachable-address.ts';
import type { ListArtifacts } from '../list-artifacts.ts';
import { IMAGE_PATH, problems, query, read } from '../openapi/describe.ts';
import { bytes, sha256 } from '../openapi/scalars.ts';
import { createResource, type Resource } from '../resource.ts';
import { NO_SUCH_IMAGE } from '../store-problem.ts';

const EVE = '/-/api/v1/eve';

export const eveSettingsSchema = () =>
  z.object({
    datastore: z.object({
      dType: z.string(),
      fqdn: z.string(),
      dpath: z.string(),
      certificatePem: z.string().nullable(),
    }),
    content: z.object({
      url: z.string(),
      format: z.string(),
      sha256: sha256.nullable(),
      maxSizeBytes: bytes,
    }),
    text: z.string(),
    deviceConfig: z.object({
      datastores: z.array(z.looseObject({})),
      contentInfo: z.array(z.looseObject({})),
    }),
    edenCommand: z.string(),
    warnings: z.array(z.object({ code: z.string(), message: z.string() })),
  });

export interface EveRoutesDeps {
  readonly shown: Pick<ShownImages, 'find'>;
  /** Disks of the registry that a caller may pull. */
  readonly listArtifacts: ListArtifacts;
  readonly isReadOpen: boolean;
  /** With `.local`. */
  readonly hostName: string;
  readonly places: Pick<Places, 'publicFor'>;
  /** The ports that are listened on; null: not. */
  ports(): { readonly http: number | null; readonly https: number | null };
  /** undefined: advertising is off. */
  advertiserStatus(): AdvertiserStatus | undefined;
  /** PEM of what EVE has to trust (`dsCertPEM`); undefined: nothing, or it is not known. */
  certificatePem(): string | undefined;
  /** undefined: TLS is off. */
  tlsStatus(): Pick<TlsStatus, 'names' | 'addresses'> | undefined;
}

/** A host as it may stand in a URL: a name, an IPv4 address or an IPv6 address in brackets, and a port. */
const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/;

/** Scheme, host and port by which a client reached us; undefined when its Host header is none. */
export function reachedAt({ headers, socket }: IncomingMessage): string | undefined {
  const { host } = headers;
  if (host === undefined || !HOST.test(host)) return undefined;
  return `${'encrypted' in socket ? 'https' : 'http'}://${host}`;
}

const schemeOf = (request: Request) =>
  new URLSearchParams(request.url.split('?')[1] ?? '').get('scheme') ?? 'http';

/** `/-/api/v1/eve/{path}`: how an image is registered with a controller; `?scheme=https` for HTTPS. */
export function createEveRoutes(deps: EveRoutesDeps): Resource {
  async function findImage(request: Request, path: string): Promise<EveSettingsInput['image'] | undefined> {
    const image = deps.shown.find(path);
    if (image !== undefined || !path.startsWith(ARTIFACT_PREFIX)) return image;
    const { artifacts } = await deps.listArtifacts(request);
    const artifact = artifacts.find((each) => artifactPath(each) === path);
    return artifact && artifactForEve(artifact);
  }

  /** The place has one scheme. A certificate of ours is that of a proxy only where it is for the proxy's name. */
  function publicPlace({ protocol, hostname, port, origin }: URL) {
    const scheme = protocol === 'https:' ? 'https' : 'http';
    const { names = [], addresses = [] } = deps.tlsStatus() ?? {};
    const isOurs = [...names, ...addresses].includes(bareHost(hostname));
    return {
      ...({ hostName: hostname, scheme, reachedAt: origin } as const),
      port: port === '' ? DEFAULT_PORTS[scheme] : Number(port),
      certificatePem: isOurs ? deps.certificatePem() : undefined,
    };
  }

  return createResource([
    read({
      method: 'GET',
      path: `${EVE}/{path}`,
      summary: 'How to register an image with a controller of EVE',
      parameters: [
        IMAGE_PATH,
        query('scheme', 'http, where it is absent, or https; a public place has one of its own.'),
      ],
      responses: {
        200: jsonResponse('The settings.', { name: 'EveSettings', zod: eveSettingsSchema }),
        ...problems(400, 404, 409),
      },
      async handle(request, response) {
        const path = parseImagePath(request.path.slice(EVE.length));
        const image = path === undefined ? undefined : await findImage(request, path);
        if (image === undefined) {
          sendProblem(response, NO_SUCH_IMAGE);
          return;
        }
        const scheme = schemeOf(request);
        const { http, https } = deps.ports();
        if (scheme !== 'http' && scheme !== 'https') {
          sendProblem(response, { status: 400, detail: '"scheme" must be http or https.' });
          return;
        }
        const settings = {
          image,
          isReadOpen: deps.isReadOpen,
          advertising: deps.advertiserStatus(),
        };
        const publicUrl = deps.places.publicFor(request);
        if (publicUrl !== undefined) {
          response.json(eveSettings({ ...settings, ...publicPlace(publicUrl) }));
          return;
        }
        const port = scheme === 'https' ? https : http;
        if (port === null) {
          const detail = `This datastore does not listen for ${scheme.toUpperCase()}.`;
          sendProblem(response, { status: 409, detail });
          return;
        }
        response.json(
          eveSettings({
            ...settings,
            hostName: deps.hostName,
            scheme,
            port,
            certificatePem: deps.certificatePem(),
            reachedAt: reachedAt(request),
          }),
        );
      },
    }),
  ]);
}
