// JSON in ASCII only: every other character as \uXXXX, which means the same to every reader. Such text is one byte a
// character in memory and on the wire, so joining and sending answers is copying.

/** As JSON.stringify, in ASCII. */
export function asciiJson(value: unknown): string {
  const json = JSON.stringify(value)
  if (isAscii.test(json)) return json
  // By way of bytes: V8 would keep two for each character of a text that was made from wider ones.
  return Buffer.from(json.replace(notAscii, escaped), 'latin1').toString('latin1')
}

const isAscii = /^[\0-\u007f]*$/
/** Single UTF-16 units: a pair of surrogates becomes two escapes, as JSON wants it (RFC 8259 section 7). */
const notAscii = /[\u0080-\uffff]/g
const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
