/** Whatever a terminal could act on, except the line breaks that the formatting makes. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

function escapeCharacter(character: string): string {
  if (character === '\n') return character;
  return Array.from({ length: character.length }, (_, i) => {
    const unit = character.charCodeAt(i);
    return `\\u${unit.toString(16).padStart(4, '0')}`;
  }).join('');
}

const escaped = (json: string) => json.replace(UNPRINTABLE, escapeCharacter);

/**
 * A value as a JSON document of several lines that a terminal may safely show: JSON itself leaves control
 * characters from DEL on and changes of writing direction as they are.
 */
export function jsonText(value: unknown): string {
  return `${escaped(JSON.stringify(value, null, 2))}\n`;
}

/** A value as one line of JSON, as safe. */
export function jsonLine(value: unknown): string {
  return `${escaped(JSON.stringify(value))}\n`;
}
