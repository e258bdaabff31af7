// Text as a model sees it: the same characters that rnntext/text/normalize.py makes of it.

const MAX_NAMED = 8; // characters that a message names

/** A text in which what looks equal is equal: line ends are "\n", and characters have their composed form (NFC). */
export function normalize(text, lowercase) {
  const clean = text.replace(/(?<!\r)\r+\n/g, "\n").replaceAll("\0", "\ufffd");
  return (lowercase ? clean.toLowerCase() : clean).normalize("NFC");
}

/** A sentence after `normalize`, with single spaces between its words and none at its ends. */
export function normalizeLine(line, lowercase) {
  const text = normalize(line, lowercase).replace(/\p{Surrogate}/gu, "\ufffd");
  return text.replace(/[ \t\n\v\f\r]+/g, " ").replace(/^ | $/g, "");
}

/** Characters or words for a message, each once; the first few of many. */
export function named(tokens) {
  const distinct = [...new Set(tokens)];
  const first = distinct.slice(0, MAX_NAMED).map((token) => {
    const point = token.codePointAt(0);
    const isCharacter = token === String.fromCodePoint(point);
    return isCharacter ? `“${token}” (U+${point.toString(16).toUpperCase().padStart(4, "0")})` : `“${token}”`;
  });
  return first.join(", ") + (distinct.length > MAX_NAMED ? ", …" : "");
}
