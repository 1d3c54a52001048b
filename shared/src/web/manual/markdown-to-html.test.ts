// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { type LinkTarget, markdownToHtml, titleOf } from './markdown-to-html.ts';

const TARGETS: Readonly<Record<string, LinkTarget>> = {
  'docs/install.md': { href: 'install.html', title: 'On a host' },
  '../README.md': { absent: 'README.md' },
  '../../SECURITY.md': { absent: 'SECURITY.md' },
  '../../eve-agent/docs/doctor.md#exit': { absent: 'eve-agent/docs/doctor.md' },
};

const html = (markdown: string) =>
  markdownToHtml(markdown, {
    linkTo: (href) => TARGETS[href] ?? { href },
    pictureAt: (href) => `asset-${href}`,
  }).trim();

describe('a page becomes HTML', () => {
  it.each([
    [
      'a heading has its anchor',
      '## What `goes` wrong?',
      '<h2 id="what-goes-wrong">What <code>goes</code> wrong?</h2>',
    ],
    [
      'one with a link, too',
      '## [On a host](x.html)',
      '<h2 id="on-a-host"><a href="x.html">On a host</a></h2>',
    ],
    ['what looks like HTML is text', 'of <b>NAME</b> & co', '<p>of &lt;b&gt;NAME&lt;/b&gt; &amp; co</p>'],
    ['also where it begins a line', '<script>x()</script>', '&lt;script&gt;x()&lt;/script&gt;'],
    [
      'code can be scrolled by keys',
      '```sh\na <b> "c"\n```',
      '<pre tabindex="0"><code>a &lt;b&gt; &quot;c&quot;</code></pre>',
    ],
    [
      'a picture is an asset',
      '![A "view"](page.png)',
      '<p><img src="asset-page.png" alt="A &quot;view&quot;"></p>',
    ],
    ['a link stays one', '[x](https://a.example/?b&c)', '<p><a href="https://a.example/?b&amp;c">x</a></p>'],
    [
      'a page is called by its title',
      '[docs/install.md](docs/install.md)',
      '<p><a href="install.html">On a host</a></p>',
    ],
    [
      'or as the text does',
      '[the package](docs/install.md)',
      '<p><a href="install.html">the package</a></p>',
    ],
    [
      'what does not come along is named',
      '[the doctor](../../eve-agent/docs/doctor.md#exit)',
      '<p>the doctor <span class="second">(eve-agent/docs/doctor.md)</span></p>',
    ],
    ['once', '[SECURITY.md](../../SECURITY.md)', '<p>SECURITY.md</p>'],
  ])('%s', (_, markdown, expected) => {
    expect(html(markdown)).toBe(expected);
  });

  it('has its tables in what scrolls', () => {
    const table = html('| a | b |\n| --- | --- |\n| `x` | y |');
    expect(table).toMatch(/^<div class="scroll" tabindex="0" role="group" aria-label="Table">\s*<table>/);
    expect(table).toMatch(/<td><code>x<\/code><\/td>/);
    expect(table).toMatch(/<\/table>\s*<\/div>$/);
  });

  it('has no heading of a table that is empty', () => {
    const table = html('| | b |\n| --- | --- |\n| x | y |');
    expect(table.match(/<th>.*<\/th>/g)).toEqual(['<th>b</th>']);
    expect(table).toContain('<td></td>');
  });
});

it.each([
  ['# Apps that are `VMs`\ntext', 'Apps that are VMs'],
  ['text\n\n# Later', 'Later'],
  ['text', ''],
])('the title of %j is %j', (markdown, title) => {
  expect(titleOf(markdown)).toBe(title);
});
