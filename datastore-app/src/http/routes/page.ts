import { createHash } from 'node:crypto';
import { extname } from 'node:path';
import { errorMessage } from '@local-datastore/shared/errors';
import { textResponse } from '@local-datastore/shared/http/operation';
import { sendProblem } from '@local-datastore/shared/http/problem';
import type { Log } from '@local-datastore/shared/log';
import type { Request, Response } from 'express';
import type { Page, PageFile } from '../../web/page-files.ts';
import { open, problems } from '../openapi/describe.ts';
import { DOCUMENT_HEADERS } from '../page-headers.ts';
import { createResource, type Resource } from '../resource.ts';

export interface PageRoutesDeps {
  readonly log: Log;
  loadPage(): Promise<Page>;
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

const PLAIN_TEXT = `This is a local datastore for EVE-OS. A browser shows more at this address.

Images are at their own path: GET /<path>
All images, with size and sha256: GET /-/api/v1/images; for text browsers /-/list
What is advertised and where: GET /-/api/v1/status
How an image is registered with a controller: GET /-/api/v1/eve/<path>
Add an image: curl -T FILE -H "Authorization: Bearer TOKEN" <this host>/<path>
(\`datastore-app token\` prints the token.)
`;

function sendDocument(request: Request, response: Response, { html }: Page): void {
  const digest = createHash('sha256').update(html.content).digest('hex');
  response.set({ ...DOCUMENT_HEADERS, ETag: `"sha256:${digest}"` });
  if (request.fresh) response.status(304).end();
  else response.set('Content-Type', CONTENT_TYPES['.html']).send(html.content);
}

/** The smallest form that the client takes (RFC 9110 §12.5.3). */
function sendAsset(request: Request, response: Response, { name, content, brotli, gzip }: PageFile): void {
  const forms = { ...(brotli && { br: brotli }), ...(gzip && { gzip }), identity: content };
  // Not the client's order: by size, among those it takes.
  const taken = new Set(request.acceptsEncodings());
  const encoding = (['br', 'gzip'] as const).find((form) => taken.has(form) && forms[form] !== undefined);
  response.set({
    'Content-Type': CONTENT_TYPES[extname(name)] ?? 'application/octet-stream',
    'Cache-Control': 'public, max-age=31536000, immutable',
    'Cross-Origin-Resource-Policy': 'same-origin',
    Vary: 'Accept-Encoding',
    ...(encoding !== undefined && { 'Content-Encoding': encoding }),
  });
  response.send(forms[encoding ?? 'identity']);
}

/** The web page at `/-/`, to which `GET /` leads, and its assets; what is no browser gets plain text. */
export function createPageRoutes({ log, loadPage }: PageRoutesDeps): Resource {
  /** Answers, and returns undefined, when the page cannot be loaded. */
  async function tryLoad(response: Response): Promise<Page | undefined> {
    try {
      return await loadPage();
    } catch (error) {
      log.error({ reason: errorMessage(error) }, 'the web page cannot be loaded');
      const detail = 'The web page cannot be loaded; the log says why. The API under /-/api/v1/ works.';
      sendProblem(response, { status: 503, detail });
      return undefined;
    }
  }

  return createResource([
    open({
      method: 'GET',
      path: '/',
      summary: 'Leads to the page',
      responses: { 302: { description: 'To /-/.' } },
      handle: (_request, response) => response.redirect(302, '/-/'),
    }),
    open({
      method: 'GET',
      path: '/-/',
      summary: 'The web page; text for others than browsers',
      responses: { 200: textResponse('The page.', 'text/html') },
      async handle(request, response) {
        response.vary('Accept');
        // `*/*` alone, as curl sends it, prefers nothing: it gets the first.
        if (request.accepts(['text/plain', 'text/html']) !== 'text/html') {
          response.type('text/plain').send(PLAIN_TEXT);
          return;
        }
        const page = await tryLoad(response);
        if (page !== undefined) sendDocument(request, response, page);
      },
    }),
    open({
      method: 'GET',
      path: '/-/assets/{name}',
      summary: 'A part of the page',
      parameters: [{ in: 'path', name: 'name', description: 'With a digest of its content.' }],
      responses: { 200: { description: 'The asset.' }, ...problems(404) },
      async handle(request, response) {
        const page = await tryLoad(response);
        if (page === undefined) return;
        const asset = page.assets.get(String(request.params.name));
        if (asset === undefined) {
          sendProblem(response, { status: 404, detail: 'The page has no such asset.' });
        } else {
          sendAsset(request, response, asset);
        }
      },
    }),
  ]);
}
