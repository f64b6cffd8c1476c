/**
 * Splits a query statement into tokens, and says where it cannot in the words of QuickBooks' own (JavaCC) lexer.
 * A typographic quote is an error wherever it stands, also inside a literal; `\'` is the only way to an apostrophe.
 */
import { QueryFault } from './fault.ts'

export type TokenKind = 'word' | 'text' | 'number' | 'operator' | 'end'

export interface Token {
  readonly kind: TokenKind
  /** The value of a text literal without its quotes, else as written. */
  readonly value: string
  readonly column: number
}

const PLAIN = /\s+|[A-Za-z_][A-Za-z0-9_.]*|-?\d+(?:\.\d+)?|<=|>=|[=<>(),*]/y

function lexicalError(character: string, column: number, after: string): QueryFault {
  const code = character.codePointAt(0) ?? 0
  const shown = code > 126 || code < 32 ? `\\u${code.toString(16).padStart(4, '0')}` : character
  const encountered = character === '' ? '<EOF>' : `"${shown}" (${code})`
  return new QueryFault(
    '4000',
    `QueryParserError: Lexical error at line 1, column ${column}.  Encountered: ${encountered}, after : "${after}"`,
  )
}

/** Reads the literal that opens at `start`; returns its value and the index behind the closing quote. */
function readText(statement: string, start: number): { value: string; end: number } {
  let value = ''
  for (let at = start + 1; at < statement.length; at += 1) {
    const character = statement.charAt(at)
    if (character === "'") return { value, end: at + 1 }
    if (character === '‘' || character === '’')
      throw lexicalError(character, at + 1, statement.slice(start, at))
    if (character === '\\') {
      at += 1
      value += statement.charAt(at)
    } else {
      value += character
    }
  }
  throw lexicalError('', statement.length + 1, statement.slice(start))
}

function kindOf(text: string): TokenKind {
  if (/^[A-Za-z_]/.test(text)) return 'word'
  return /^-?\d/.test(text) ? 'number' : 'operator'
}

export function tokenize(statement: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  while (at < statement.length) {
    if (statement.charAt(at) === "'") {
      const { value, end } = readText(statement, at)
      tokens.push({ kind: 'text', value, column: at + 1 })
      at = end
      continue
    }
    PLAIN.lastIndex = at
    const text = PLAIN.exec(statement)?.[0]
    if (text === undefined) {
      const character = String.fromCodePoint(statement.codePointAt(at) ?? 0)
      throw lexicalError(character, at + 1, '')
    }
    if (text.trim() !== '') tokens.push({ kind: kindOf(text), value: text, column: at + 1 })
    at += text.length
  }
  tokens.push({ kind: 'end', value: '<EOF>', column: statement.length })
  return tokens
}
