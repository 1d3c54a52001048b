// SPDX-License-Identifier: Apache-2.0
import { uuidOfUrl } from '@local-datastore/shared/digest/uuid';
import type { Format } from '@local-datastore/shared/eve/content-tree';
import type { ImageFormat } from '../formats/image-description.ts';
import { imageReference } from '../images/image-path.ts';
import { edenCommandOf } from './eden-command.ts';
import type { EveSettings } from './settings-document.ts';
import type { EveSettingsInput } from './settings-input.ts';
import { findWarnings } from './warnings.ts';

export const DEFAULT_PORTS = { http: 80, https: 443 } as const;

/** `container` → `CONTAINER`: EVE's `Format` of what the catalogue calls in lower case. */
export const eveFormatOf = (format: ImageFormat) => format.toUpperCase() as Uppercase<ImageFormat> & Format;

/**
 * The settings with which stock EVE downloads an image from this datastore.
 *
 * EVE's downloader joins scheme and host of `fqdn`, then `dpath`, then the content tree's URL, each with one
 * slash, and parses the result as a URL (`concatenateFile`): hence a percent-encoded URL without a leading
 * slash, and an empty `dpath`.
 */
export function eveSettings(input: EveSettingsInput): EveSettings {
  const { image, hostName, scheme, port } = input;
  const hasUsualPort = port === DEFAULT_PORTS[scheme];
  const fqdn = `${scheme}://${hostName}${hasUsualPort ? '' : `:${port}`}`;
  const url = imageReference(image.path);
  const format = eveFormatOf(image.format);
  const dType = scheme === 'https' ? 'DsHttps' : 'DsHttp';
  const certificatePem = (scheme === 'https' && input.certificatePem) || null;
  const datastoreId = uuidOfUrl(fqdn);
  const datastore = { dType, fqdn, dpath: '', certificatePem } as const;
  const content = { url, format, sha256: image.sha256, maxSizeBytes: image.sizeBytes };
  return {
    datastore,
    content,
    text: textOf({ datastore, content }),
    deviceConfig: {
      datastores: [
        {
          id: datastoreId,
          dType,
          fqdn,
          dpath: '',
          ...(certificatePem !== null && { dsCertPEM: [Buffer.from(certificatePem).toString('base64')] }),
        },
      ],
      contentInfo: [
        {
          uuid: uuidOfUrl(`${fqdn}/${url}`),
          dsId: datastoreId,
          dsIdsList: [datastoreId],
          URL: url,
          iformat: format,
          sha256: image.sha256 ?? '',
          maxSizeBytes: String(image.sizeBytes),
          displayName: image.path.split('/').at(-1) ?? image.path,
          generationCount: '0',
        },
      ],
    },
    edenCommand: edenCommandOf({
      url: `${input.reachedAt ?? fqdn}/${url}`,
      fqdn,
      path: image.path,
      format: image.format,
    }),
    warnings: findWarnings({ ...input, fqdn, url, hasUsualPort }),
  };
}

function textOf({ datastore, content }: Pick<EveSettings, 'datastore' | 'content'>): string {
  const lines = [
    'Datastore',
    `  Type:           ${datastore.dType === 'DsHttps' ? 'HTTPS' : 'HTTP'}`,
    `  FQDN:           ${datastore.fqdn}`,
    '  Path (dpath):   (leave empty)',
    'Image',
    `  Relative URL:   ${content.url}`,
    `  Format:         ${content.format}`,
    `  SHA-256:        ${content.sha256 ?? '(not known yet)'}`,
    `  Size in bytes:  ${content.maxSizeBytes}`,
  ];
  return `${lines.join('\n')}\n`;
}
