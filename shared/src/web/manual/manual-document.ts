// SPDX-License-Identifier: Apache-2.0
import { htmlText } from '../html-text.ts';

/** A page in the list of all. */
export interface ListedPage {
  readonly title: string;
  /** Its URL, from any other. */
  readonly href: string;
}

export interface ManualDocument {
  /** As `eve-agent`. */
  readonly program: string;
  /** All pages, this one among them. */
  readonly pages: readonly ListedPage[];
  readonly page: ListedPage;
  /** HTML. */
  readonly text: string;
  /** URLs of assets. */
  readonly icon: string;
  readonly stylesheet: string;
}

function entryOf({ title, href }: ListedPage, isCurrent: boolean): string {
  return `<li><a href="${htmlText(href)}"${isCurrent ? ' aria-current="page"' : ''}>${htmlText(title)}</a></li>`;
}

/** One page of a manual, which needs no script. The text comes first: what else there is follows it. */
export function manualDocument({ program, pages, page, text, icon, stylesheet }: ManualDocument): string {
  const name = htmlText(program);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${htmlText(page.title)} – manual of ${name}</title>
<link rel="icon" href="${htmlText(icon)}" type="image/svg+xml">
<link rel="stylesheet" href="${htmlText(stylesheet)}">
</head>
<body>
<header class="top"><div class="top-inner">
<div class="brand"><p class="manual-name">${name}</p><p class="brand-host">Manual</p></div>
<nav aria-label="Ways out"><a href="../">Web page</a><a href="#pages">All pages</a></nav>
</div></header>
<div class="manual">
<main>
${text}</main>
<nav class="pages" id="pages" aria-label="Pages of the manual"><ul>
${pages.map((each) => entryOf(each, each === page)).join('\n')}
</ul></nav>
</div>
</body>
</html>
`;
}
