// SPDX-License-Identifier: Apache-2.0
/** Container images for tests, as OCI image layouts that foreign programs copy from. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const OCI = 'application/vnd.oci.image';

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** What an image is made of. */
export interface ImageRecipe {
  /** The content of one file for each layer. */
  readonly layers: readonly Buffer[];
  readonly architecture?: string;
}

export interface MadeImage {
  readonly manifest: Descriptor;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

/** A folder that images are made in. */
export interface ImageLayout {
  readonly folder: string;
  /** @param tag absent: it is named by an index alone */
  addImage(recipe: ImageRecipe, tag?: string): Promise<MadeImage>;
  /** An index of images by their architectures. */
  addIndex(images: Readonly<Record<string, MadeImage>>, tag: string): Promise<Descriptor>;
}

/** A tar of one file, which is the same for the same content. */
async function makeLayer(content: Buffer): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'layer-'));
  try {
    await writeFile(join(folder, 'content'), content);
    const args = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '-cf', '-', '-C', folder, 'content'];
    return execFileSync('tar', args, { maxBuffer: content.length + 1024 * 1024 });
  } finally {
    await rm(folder, { recursive: true });
  }
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** @param folder which is made */
export async function createImageLayout(folder: string): Promise<ImageLayout> {
  const blobs = join(folder, 'blobs', 'sha256');
  const named: object[] = [];
  await mkdir(blobs, { recursive: true });
  await writeFile(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');

  async function put(mediaType: string, bytes: Buffer): Promise<Descriptor> {
    await writeFile(join(blobs, sha256(bytes)), bytes);
    return { mediaType, digest: `sha256:${sha256(bytes)}`, size: bytes.length };
  }
  const putJson = (mediaType: string, document: object) =>
    put(mediaType, Buffer.from(JSON.stringify(document)));
  async function name(descriptor: Descriptor, tag: string): Promise<void> {
    named.push({ ...descriptor, annotations: { 'org.opencontainers.image.ref.name': tag } });
    await writeFile(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: named }));
  }

  return {
    folder,
    async addImage({ layers: contents, architecture = 'amd64' }, tag) {
      const tars = await Promise.all(contents.map(makeLayer));
      const layers: Descriptor[] = [];
      for (const tar of tars) layers.push(await put(`${OCI}.layer.v1.tar`, tar));
      const rootfs = { type: 'layers', diff_ids: layers.map(({ digest }) => digest) };
      const config = await putJson(`${OCI}.config.v1+json`, {
        ...{ architecture, os: 'linux', created: '2026-01-01T00:00:00Z', config: {}, rootfs },
        history: layers.map(() => ({ created: '2026-01-01T00:00:00Z' })),
      });
      const mediaType = `${OCI}.manifest.v1+json`;
      const manifest = await putJson(mediaType, { schemaVersion: 2, mediaType, config, layers });
      if (tag !== undefined) await name(manifest, tag);
      return { manifest, config, layers };
    },
    async addIndex(images, tag) {
      const mediaType = `${OCI}.index.v1+json`;
      const manifests = Object.entries(images).map(([architecture, { manifest }]) => ({
        ...manifest,
        platform: { os: 'linux', architecture },
      }));
      const index = await putJson(mediaType, { schemaVersion: 2, mediaType, manifests });
      await name(index, tag);
      return index;
    },
  };
}
