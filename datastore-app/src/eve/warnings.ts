import type { ImageFormat } from '../images/formats.ts';
import { isEdenFormat } from './eden-command.ts';
import type { EveWarning } from './settings-document.ts';
import type { EveSettingsInput } from './settings-input.ts';

/** What EVE has in its `Format`, and yet cannot start from a plain file. */
const UNUSABLE_FORMATS: Partial<Record<ImageFormat, string>> = {
  vhd: 'EVE reads an image\'s format with qemu-img, which calls VHD "vpc": EVE does not know that word. Convert it: qemu-img convert -O qcow2.',
  ova: 'EVE has a word for OVA, but does not unpack it. Extract the disk (tar -xf), and offer that.',
  container:
    'EVE takes containers apart as a registry serves them. A container archive over HTTP is stored, but not launched.',
};

const COMPRESSED_NAME = /\.(?:gz|tgz|xz|txz|bz2|zst|lz4|zip|7z)$/i;

/** What names say of the content, which alone decides. `.img` and other names say nothing. */
const FORMATS_OF_SUFFIX: Readonly<Record<string, readonly ImageFormat[]>> = {
  raw: ['raw'],
  qcow: ['qcow', 'qcow2'],
  qcow2: ['qcow2'],
  vhd: ['vhd'],
  vmdk: ['vmdk'],
  ova: ['ova'],
  vhdx: ['vhdx'],
  iso: ['iso'],
};

/** The suffix of a name, in lower case, where it says another format than the content has. */
function contradictingSuffix({ path, format }: EveSettingsInput['image']): string | undefined {
  const suffix = /[^/]\.([^./]+)$/.exec(path)?.[1]?.toLowerCase() ?? '';
  const isContradicted =
    Object.hasOwn(FORMATS_OF_SUFFIX, suffix) && FORMATS_OF_SUFFIX[suffix]?.includes(format) === false;
  return isContradicted ? suffix : undefined;
}

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

function* imageWarnings({ image }: WarningInput): Generator<EveWarning> {
  if (image.state === 'corrupt') {
    yield {
      code: 'CORRUPT',
      message: 'The image changed on the disk without being written to: upload it again.',
    };
  }
  if (image.sha256 === null) {
    yield {
      code: 'NOT_HASHED',
      message: 'The sha256 is not known yet, and EVE needs it: wait until the image is hashed.',
    };
  }
  const suffix = contradictingSuffix(image);
  if (suffix !== undefined) {
    yield {
      code: 'NAME_CONTRADICTS_FORMAT',
      message: `The name ends in ".${suffix}", but the content is ${image.format}, and the format here is that of the content. If it was meant to be ${suffix}, the file is damaged, incomplete or another one: upload it again. Otherwise rename it.`,
    };
  }
  const unusable = UNUSABLE_FORMATS[image.format];
  if (unusable !== undefined) yield { code: 'FORMAT_NOT_USABLE', message: unusable };
  if (image.format === 'raw' && COMPRESSED_NAME.test(image.path)) {
    yield {
      code: 'COMPRESSED',
      message:
        'The name says that the file is compressed. EVE has no such format, and would take it for a raw disk: unpack it first.',
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
  return [...imageWarnings(input), ...addressWarnings(input), ...otherWarnings(input)];
}
