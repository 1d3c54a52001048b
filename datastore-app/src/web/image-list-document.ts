// SPDX-License-Identifier: Apache-2.0
import { shownName } from '@local-datastore/shared/page/text/shown-name';
import { sizeText } from '@local-datastore/shared/text/quantities';
import { htmlText } from '@local-datastore/shared/web/html-text';
import { imageReference } from '../images/image-path.ts';
import type { ShownImage } from '../upstream/images/shown-images.ts';
import { amountText } from './page/images/image-list.ts';

export type DocumentImage = Pick<
  ShownImage,
  'path' | 'sizeBytes' | 'sha256' | 'content' | 'state' | 'modified'
>;

export interface ImageListDocument {
  readonly images: readonly DocumentImage[];
  /** Of all images, those on other sheets with them. */
  readonly amount: string;
  /** The path after which the next sheet begins; undefined: this is the last. */
  readonly next: string | undefined;
  /** Scheme, host and port by which whoever asks reaches the datastore. */
  readonly origin: string;
  /** URL of the style sheet; undefined: there is none to be had. */
  readonly stylesheet: string | undefined;
}

const MOST_ON_A_SHEET = 500;

/**
 * The images of one sheet, in the order of their paths.
 *
 * @param after the last path of the sheet before; undefined: this is the first
 */
export function sheetOf<Found extends DocumentImage>(
  images: readonly Found[],
  after: string | undefined,
  most = MOST_ON_A_SHEET,
): Pick<ImageListDocument, 'amount' | 'next'> & { readonly images: readonly Found[] } {
  const left = images
    .filter(({ path }) => after === undefined || path > after)
    .toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const sheet = left.slice(0, most);
  const next = left.length > most ? sheet.at(-1)?.path : undefined;
  return { images: sheet, amount: amountText(images), next };
}

const STATES: Readonly<Record<DocumentImage['state'], string>> = {
  hashing: 'not hashed yet',
  ready: '',
  corrupt: 'damaged',
  upstream: 'not here yet',
};

function rowOf({ path, sizeBytes, sha256, content, state, modified }: DocumentImage, origin: string): string {
  const url = `${origin}/${imageReference(path)}`;
  const digest =
    sha256 === null ? '' : `<br><span class="second">sha256 <code class="breakable">${sha256}</code></span>`;
  const told = STATES[state] === '' ? '' : `<br><span class="second">${STATES[state]}</span>`;
  return `<tr>
<th scope="row" class="path"><a href="/${htmlText(imageReference(path))}"><bdi>${htmlText(shownName(path))}</bdi></a>
<br><code class="breakable">${htmlText(url)}</code>${digest}${told}</th>
<td class="number">${sizeBytes}<br><span class="second">${htmlText(sizeText(sizeBytes))}</span></td>
<td>${htmlText(content)}</td>
<td>${htmlText(modified.slice(0, 'YYYY-MM-DD'.length))}</td>
</tr>`;
}

/** The list of images as a document that needs no script: names, URLs, digests, and the commands for them. */
export function imageListDocument({ images, amount, next, origin, stylesheet }: ImageListDocument): string {
  const commands = [
    `curl -O ${origin}/${images[0] === undefined ? 'disk.qcow2' : imageReference(images[0].path)}`,
    `curl -T disk.qcow2 -H "Authorization: Bearer TOKEN" ${origin}/disk.qcow2`,
    `curl -X DELETE -H "Authorization: Bearer TOKEN" ${origin}/disk.qcow2`,
    `curl -o images.tar ${origin}/-/api/v1/export`,
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>Images – Local datastore</title>
${stylesheet === undefined ? '' : `<link rel="stylesheet" href="${htmlText(stylesheet)}">`}
</head>
<body>
<header class="top"><div class="top-inner"><div class="brand"><h1>Local datastore</h1></div></div></header>
<main>
<p>${htmlText(amount)}. This list needs no JavaScript; with it, <a href="/-/">the page</a> does more.</p>
<div class="card scroll" tabindex="0" role="region" aria-label="Images">
<table class="plain">
<caption class="visually-hidden">Images of this datastore</caption>
<thead><tr><th scope="col">Name and URL</th><th scope="col" class="number">Bytes</th><th scope="col">Format</th><th scope="col">Changed</th></tr></thead>
<tbody>
${images.map((image) => rowOf(image, origin)).join('\n')}
</tbody>
</table>
</div>
${next === undefined ? '' : `<p><a href="/-/list?after=${htmlText(encodeURIComponent(next))}">The images after these</a></p>`}
<section class="card" aria-labelledby="commands">
<h2 id="commands">Commands</h2>
<p>Download one, add one, delete one, and take all with their digests; <code>datastore-app token</code> prints the token.</p>
<div class="command"><pre>${htmlText(commands.join('\n'))}</pre></div>
</section>
</main>
<footer><ul aria-label="For programs"><li><a href="/-/api/v1/images">Images as JSON</a></li><li><a href="/-/api/v1/status">Status</a></li><li><a href="/-/openapi.json">API</a></li><li><a href="/-/manual/">Manual</a></li></ul></footer>
</body>
</html>
`;
}
