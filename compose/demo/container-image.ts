// SPDX-License-Identifier: Apache-2.0
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

/** A file of a layer. */
export interface LayerFile {
  /** Without a slash in front, at most 100 bytes. */
  readonly name: string;
  readonly content: Buffer;
  readonly isExecutable?: boolean;
}

/** A tar (POSIX ustar) of files; folders that lead to them are made by whoever unpacks it. */
function tarOf(files: readonly LayerFile[]): Buffer {
  const parts = files.flatMap(({ name, content, isExecutable = false }) => {
    const header = Buffer.alloc(TAR_BLOCK);
    const octal = (value: number, offset: number, digits: number) =>
      header.write(`${value.toString(8).padStart(digits, '0')}\0`, offset);
    header.write(name, 0);
    octal(isExecutable ? 0o755 : 0o644, 100, 7);
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
    return [header, content, padding];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * TAR_BLOCK)]);
}

const textOf = (document: object) => Buffer.from(JSON.stringify(document));

/** A layer as a tar that is not compressed, so that its digest is that of its content. */
export const makeLayer = (files: readonly LayerFile[]): Blob => blobOf(tarOf(files), `${OCI}.layer.v1.tar`);

/** An image for this machine that any engine takes. @param settings as image-spec, config.md, has them */
export function makeImageOf(layers: readonly Blob[], settings: object): ContainerImage {
  const config = blobOf(
    textOf({
      architecture: ARCHITECTURES[arch()] ?? arch(),
      os: 'linux',
      config: settings,
      rootfs: { type: 'layers', diff_ids: layers.map(({ descriptor }) => descriptor.digest) },
      history: layers.map(() => ({ created_by: 'the demo' })),
    }),
    `${OCI}.config.v1+json`,
  );
  const mediaType = `${OCI}.manifest.v1+json`;
  const manifest = blobOf(
    textOf({
      ...{ schemaVersion: 2, mediaType, config: config.descriptor },
      layers: layers.map(({ descriptor }) => descriptor),
    }),
    mediaType,
  );
  return { manifest, blobs: [config, ...layers] };
}

/** An image with one layer of so many bytes that no compression can shorten. */
export const makeContainerImage = (sizeBytes: number): ContainerImage =>
  makeImageOf([makeLayer([{ name: 'content', content: randomBytes(sizeBytes) }])], { Cmd: ['/content'] });

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
    // What versions share is there already.
    const known = await fetch(at(`blobs/${descriptor.digest}`), {
      method: 'HEAD',
      headers: { authorization: `Bearer ${token}` },
    });
    if (known.ok) continue;
    const begun = await send('POST', at('blobs/uploads/'), Buffer.alloc(0), binary);
    const place = new URL(begun.headers.get('location') ?? '', registry);
    place.searchParams.set('digest', descriptor.digest);
    await send('PUT', place, bytes, binary);
  }
  await send('PUT', at(`manifests/${tag}`), manifest.bytes, manifest.descriptor.mediaType);
}
