// SPDX-License-Identifier: Apache-2.0
import { Marked, Renderer, type Token, type Tokens } from 'marked';
import { htmlText } from '../html-text.ts';
import { createHeadingAnchors } from './heading-anchors.ts';

/** Where a link leads from the document that is made. */
export type LinkTarget =
  /** `title`: what the target is called, where it is a page of the same manual. */
  | { readonly href: string; readonly title?: string }
  /** It does not come along: its path below the workspace is told instead. */
  | { readonly absent: string };

export interface PageReferences {
  /** @param href as it is written in the page */
  linkTo(href: string): LinkTarget;
  /** The URL of a picture. @throws Error where it does not come along */
  pictureAt(href: string): string;
}

/** The text of Markdown without its marks. */
const plainText = (tokens: readonly Token[]): string =>
  tokens
    .map((token) => ('tokens' in token && token.tokens ? plainText(token.tokens) : plainTextOf(token)))
    .join('');
const plainTextOf = (token: Token): string => ('text' in token ? String(token.text) : token.raw);

class PageRenderer extends Renderer {
  readonly #references: PageReferences;
  readonly #anchorOf = createHeadingAnchors();

  constructor(references: PageReferences) {
    super();
    this.#references = references;
  }

  override heading({ tokens, depth }: Tokens.Heading): string {
    const anchor = htmlText(this.#anchorOf(plainText(tokens)));
    return `<h${depth} id="${anchor}">${this.parser.parseInline(tokens)}</h${depth}>\n`;
  }

  override link({ href, tokens }: Tokens.Link): string {
    const target = this.#references.linkTo(href);
    const written = plainText(tokens);
    const shown = this.parser.parseInline(tokens);
    if ('absent' in target) {
      const { absent } = target;
      return absent.endsWith(written) ? shown : `${shown} <span class="second">(${htmlText(absent)})</span>`;
    }
    // Who links to a page by its file means its title.
    const text = written === href && target.title !== undefined ? htmlText(target.title) : shown;
    return `<a href="${htmlText(target.href)}">${text}</a>`;
  }

  override image({ href, text }: Tokens.Image): string {
    return `<img src="${htmlText(this.#references.pictureAt(href))}" alt="${htmlText(text)}">`;
  }

  /** What is wider than the screen scrolls in itself, also by keys. */
  override code({ text }: Tokens.Code): string {
    return `<pre tabindex="0"><code>${htmlText(text)}</code></pre>\n`;
  }

  override table(token: Tokens.Table): string {
    return `<div class="scroll" tabindex="0" role="group" aria-label="Table">\n${super.table(token)}</div>\n`;
  }

  /** A corner of a table that says nothing is no heading. */
  override tablecell(token: Tokens.TableCell): string {
    return super.tablecell({ ...token, header: token.header && token.text !== '' });
  }

  /** The manuals have none: what looks like it is a word in angle brackets. */
  override html({ text }: Tokens.HTML | Tokens.Tag): string {
    return htmlText(text);
  }
}

/** What a page is called: its first heading, or nothing. */
export function titleOf(markdown: string): string {
  const heading = new Marked().lexer(markdown).find(({ type }) => type === 'heading');
  return plainText((heading as Tokens.Heading | undefined)?.tokens ?? []);
}

/** The text of a page as the inside of an HTML document, with the anchors that GitHub gives its headings. */
export const markdownToHtml = (markdown: string, references: PageReferences): string =>
  new Marked().parse(markdown, { async: false, renderer: new PageRenderer(references) });
