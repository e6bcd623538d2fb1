/** Text for HTML. */

/** Text with the signs replaced that mean something in HTML, attributes included. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

/** A share of 1 in percent, without the sign. */
export function percent(share: number, digits = 1): string {
  return (100 * share).toFixed(digits);
}
