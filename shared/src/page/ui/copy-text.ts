// SPDX-License-Identifier: Apache-2.0
/**
 * Copies a text. The clipboard API is for secure contexts alone, and `http://NAME.local` is none: there the old
 * way by a selected text field is left.
 *
 * @param near stands in the dialog that is open: what is outside cannot be selected
 * @returns whether it was copied
 */
export async function copyText(text: string, near: Element): Promise<boolean> {
  if (navigator.clipboard !== undefined) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // Not permitted: the old way may be.
    }
  }
  const field = document.createElement('textarea');
  field.value = text;
  field.readOnly = true;
  field.className = 'off-screen';
  const focused = document.activeElement;
  (near.closest('dialog') ?? document.body).append(field);
  field.select();
  const isCopied = document.execCommand('copy');
  field.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return isCopied;
}
