// SPDX-License-Identifier: Apache-2.0
import { parseXml, XmlElement, XmlError, XmlText } from '@rgrove/parse-xml';
import { type AvahiPlace, malformed } from './avahi-file.ts';

/** An element of an XML file, with its place. */
export interface PlacedElement extends AvahiPlace {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly PlacedElement[];
  /** The text right below the element, as it is written. */
  readonly text: string;
}

/**
 * Reads an XML file strictly. A document type is passed over, as are comments.
 *
 * @param file for messages
 * @returns the root element
 * @throws ConfigurationError naming file, line and reason
 */
export function parseXmlFile(text: string, file: string): PlacedElement {
  const lineAt = (offset: number) => text.slice(0, offset).split('\n').length;
  const place = (element: XmlElement): PlacedElement => ({
    file,
    line: lineAt(element.start),
    name: element.name,
    attributes: element.attributes,
    children: element.children.filter((child) => child instanceof XmlElement).map(place),
    text: element.children
      .filter((child) => child instanceof XmlText)
      .map((child) => child.text)
      .join(''),
  });
  try {
    const { root } = parseXml(text, { includeOffsets: true });
    if (root === null) throw malformed({ file, line: 1 }, 'an XML element expected');
    return place(root);
  } catch (error) {
    if (!(error instanceof XmlError)) throw error;
    // The message goes on with an excerpt, on lines of its own.
    const [reason = ''] = error.message.split(/ \(line |\n/);
    throw malformed({ file, line: error.line }, reason);
  }
}
