// SPDX-License-Identifier: Apache-2.0
import { isLocalHost } from '@local-datastore/shared/dns-sd/host-name';
import { isEdenFormat } from './eden-command.ts';
import { imageWarnings } from './image-warnings.ts';
import type { EveWarning } from './settings-document.ts';
import type { EveSettingsInput } from './settings-input.ts';

interface WarningInput extends EveSettingsInput {
  readonly fqdn: string;
  readonly url: string;
  readonly hasUsualPort: boolean;
}

function* addressWarnings({
  fqdn,
  hostName,
  scheme,
  hasUsualPort,
  advertising,
}: WarningInput): Generator<EveWarning> {
  // What a name service knows needs no multicast DNS.
  if (!isLocalHost(hostName)) return;
  if (!hasUsualPort) {
    const port = scheme === 'https' ? '443' : '80';
    yield {
      code: 'PORT_IN_FQDN',
      message: `Stock EVE does not look ${fqdn} up: a port in the FQDN switches its multicast DNS off. Let the datastore listen on port ${port}, and leave the port away.`,
    };
  }
  if (advertising === undefined) {
    yield {
      code: 'NOT_ADVERTISED',
      message: `Advertising is turned off here: EVE finds ${hostName} only if something else advertises it.`,
    };
  } else if (!advertising.isReady) {
    yield {
      code: 'NOT_READY',
      message: `The host name is not advertised at present: ${advertising.reasons.join('; ') || 'it is being announced'}. EVE asks again after 10 to 20 minutes.`,
    };
  }
}

function* stateWarnings({ image }: WarningInput): Generator<EveWarning> {
  if (image.state === 'corrupt') {
    yield {
      code: 'CORRUPT',
      message: 'The image changed on the disk without being written to: upload it again.',
    };
  }
  if (image.state === 'upstream') {
    yield {
      code: 'NOT_HERE_YET',
      message:
        'The image comes from an upstream when it is first asked for. Size and sha256 are as that says; the format is as its list or the name says, until it is here.',
    };
  }
  if (image.sha256 === null) {
    yield {
      code: 'NOT_HASHED',
      message: 'The sha256 is not known yet, and EVE needs it: wait until the image is hashed.',
    };
  }
}

function* otherWarnings({ image, url, isReadOpen, scheme, reachedAt }: WarningInput): Generator<EveWarning> {
  if (url !== image.path) {
    yield {
      code: 'PERCENT_ENCODED',
      message:
        'The name has characters that a URL cannot hold. The relative URL is percent-encoded: copy it as it is, and do not encode it again.',
    };
  }
  if (!isReadOpen) {
    yield {
      code: 'READ_CREDENTIAL',
      message: `Reading needs a credential here: give the datastore its apiKey and password.${
        scheme === 'http'
          ? ' EVE sends them over plain HTTP only where the device allows it: prefer HTTPS.'
          : ''
      }`,
    };
  }
  if (!isEdenFormat(image.format)) {
    yield {
      code: 'EDEN_FORMAT',
      message: `eden has no name for the format ${image.format}, and takes the image for qcow2.`,
    };
  }
  if (reachedAt === undefined) {
    yield {
      code: 'EDEN_UNREACHABLE',
      message: 'eden itself reads the image from the URL: replace the host by an address that eden reaches.',
    };
  }
}

/** What whoever registers the image has to know, the gravest first. */
export function findWarnings(input: WarningInput): EveWarning[] {
  return [
    ...stateWarnings(input),
    ...imageWarnings(input.image),
    ...addressWarnings(input),
    ...otherWarnings(input),
  ];
}
