import { createHash, randomBytes } from 'node:crypto';
import { arch } from 'node:os';

/** Content with what a manifest says of it (image-spec, descriptor.md). */
export interface Blob {
  readonly bytes: Buffer;
  readonly descriptor: { readonly mediaType: string; readonly digest: string; readonly size: number };
}

export interface ContainerImage {
  readonly manifest: Blob;
  /** Its configuration and its layers. */
  readonly blobs: readonly Blob[];
}

const OCI = 'application/vnd.oci.image';
const TAR_BLOCK = 512;
/** As Go names them. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64' };

function blobOf(bytes: Buffer, mediaType: string): Blob {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  return { bytes, descriptor: { mediaType, digest, size: bytes.length } };
}

/** A tar (POSIX ustar) of one file. */
function tarOf(name: string, content: Buffer): Buffer {
  const header = Buffer.alloc(TAR_BLOCK);
  const octal = (value: number, offset: number, digits: number) =>
    header.write(`${value.toString(8).padStart(digits, '0')}\0`, offset);
  header.write(name, 0);
  octal(0o644, 100, 7);
  for (const offset of [108, 116]) octal(0, offset, 7);
  octal(content.length, 124, 11);
  octal(0, 136, 11);
  header.write('        0', 148);
  header.write('ustar\0' + '00', 257);
  octal(
    header.reduce((sum, byte) => sum + byte, 0),
    148,
    6,
  );
  const padding = Buffer.alloc((TAR_BLOCK - (content.length % TAR_BLOCK)) % TAR_BLOCK);
  return Buffer.concat([header, content, padding, Buffer.alloc(2 * TAR_BLOCK)]);
}

const textOf = (document: object) => Buffer.from(JSON.stringify(document));

/** An image that any engine takes, with one layer of so many bytes that no compression can shorten. */
export function makeContainerImage(sizeBytes: number): ContainerImage {
  const layer = blobOf(tarOf('content', randomBytes(sizeBytes)), `${OCI}.layer.v1.tar`);
  const config = blobOf(
    textOf({
      architecture: ARCHITECTURES[arch()] ?? arch(),
      os: 'linux',
      config: { Cmd: ['/content'] },
      rootfs: { type: 'layers', diff_ids: [layer.descriptor.digest] },
      history: [{ created_by: 'the demo' }],
    }),
    `${OCI}.config.v1+json`,
  );
  const mediaType = `${OCI}.manifest.v1+json`;
  const manifest = blobOf(
    textOf({ schemaVersion: 2, mediaType, config: config.descriptor, layers: [layer.descriptor] }),
    mediaType,
  );
  return { manifest, blobs: [config, layer] };
}

/**
 * Pushes an image as every client does (distribution-spec, "Push").
 *
 * @param registry scheme, host and port
 * @param token which may write
 */
export async function pushContainerImage(
  registry: string,
  repository: string,
  tag: string,
  { manifest, blobs }: ContainerImage,
  token: string,
): Promise<void> {
  async function send(method: string, url: URL, body: Buffer, contentType: string): Promise<Response> {
    const headers = { authorization: `Bearer ${token}`, 'content-type': contentType };
    const answer = await fetch(url, { method, headers, body: new Uint8Array(body) });
    if (!answer.ok) throw new Error(`${method} ${url.pathname}: ${answer.status} ${await answer.text()}`);
    return answer;
  }
  const at = (path: string) => new URL(`/v2/${repository}/${path}`, registry);
  const binary = 'application/octet-stream';
  for (const { bytes, descriptor } of blobs) {
    const begun = await send('POST', at('blobs/uploads/'), Buffer.alloc(0), binary);
    const place = new URL(begun.headers.get('location') ?? '', registry);
    place.searchParams.set('digest', descriptor.digest);
    await send('PUT', place, bytes, binary);
  }
  await send('PUT', at(`manifests/${tag}`), manifest.bytes, manifest.descriptor.mediaType);
}
