// SPDX-License-Identifier: Apache-2.0
import { type FileFormat, nothingToCheck } from '../file-format.ts';
import { type DescribeFormat, HEAD_BYTES, problem } from '../image-source.ts';

interface TextKind {
  readonly content: string;
  readonly pattern: RegExp;
  readonly message: string;
}

const ERROR_PAGE =
  'a server has probably answered with it in place of the image. Download the image again, and see what comes.';

const KINDS: readonly TextKind[] = [
  {
    content: 'git-lfs-pointer',
    pattern: /^version https:\/\/git-lfs\.github\.com\/spec\//,
    message:
      'It is a pointer of Git LFS, not the file that it stands for. Fetch that, where it is: git lfs pull',
  },
  {
    content: 'html',
    pattern: /^(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b/is,
    message: `It is a web page (HTML), no image: ${ERROR_PAGE}`,
  },
  {
    content: 'xml',
    pattern: /^<\?xml\b|^<[A-Za-z][\w:.-]*[\s/>]/,
    message: `It is XML, no image: ${ERROR_PAGE}`,
  },
  { content: 'json', pattern: /^[{[]\s*["{[\]}]/, message: `It is JSON, no image: ${ERROR_PAGE}` },
  {
    content: 'text',
    pattern: /^/,
    message: 'It is text, no image; EVE would take it for a raw disk. Offer the image that was meant.',
  },
];

/** White space, and the escape by which some logs are coloured. */
const CONTROLS = new Set('\t\n\v\f\r\u001b');

const isText = (decoded: string) =>
  [...(decoded.match(/\p{Cc}/gu) ?? [])].every((control) => CONTROLS.has(control));

function decode(head: Buffer): string | undefined {
  const [first, second] = head;
  const isUtf16 = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  try {
    // At its end the head may cut a character in two.
    const decoder = new TextDecoder(isUtf16 ? (first === 0xff ? 'utf-16le' : 'utf-16be') : 'utf-8', {
      fatal: true,
    });
    return decoder.decode(head, { stream: head.length === HEAD_BYTES });
  } catch {
    return undefined;
  }
}

/** Text in place of an image: web pages, error documents, pointers. A disk never begins with 4 KiB of characters. */
const describe: DescribeFormat = async ({ head }) => {
  const decoded = decode(head)?.trimStart();
  if (decoded === undefined || decoded === '' || !isText(decoded)) return undefined;
  const kind = KINDS.find(({ pattern }) => pattern.test(decoded));
  if (kind === undefined) return undefined;
  const problems = [problem('NOT_AN_IMAGE', kind.message)];
  return { format: 'raw', content: kind.content, virtualSizeBytes: null, problems };
};

export const text: FileFormat = { name: 'raw', stage: 'text', describe, validate: nothingToCheck };
