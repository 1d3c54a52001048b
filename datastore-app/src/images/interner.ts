// SPDX-License-Identifier: Apache-2.0
/**
 * Makes equal values of JSON one: of very many that are alike, one alone takes memory. To be thrown away when
 * they are read, for it holds each of them.
 *
 * @returns a function that gives the first of those equal to its argument
 */
export function createInterner<Value extends object>(): (value: Value) => Value {
  const known = new Map<string, Value>();
  return (value) => {
    const key = JSON.stringify(value);
    const first = known.get(key) ?? value;
    known.set(key, first);
    return first;
  };
}
