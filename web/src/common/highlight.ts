/** Colours for XML and YAML: enough to see the shape of a text, and nothing more. */

export type Language = "xml" | "yaml";
export interface Token {
  kind: "plain" | "comment" | "tag" | "attribute" | "string" | "key" | "mark";
  text: string;
}

type Rule = readonly [Token["kind"], RegExp];

const RULES: Readonly<Record<Language, readonly Rule[]>> = {
  xml: [
    ["comment", /<!--[\s\S]*?(?:-->|$)/y],
    ["tag", /<[/?!]?[\w:.-]*|[/?]?>/y],
    ["attribute", /[\w:.-]+(?=\s*=\s*["'])/y],
    ["string", /"[^"<]*"|'[^'<]*'/y],
  ],
  yaml: [
    ["comment", /#[^\n]*/y],
    ["string", /"(?:[^"\\\n]|\\.)*"|'[^'\n]*'/y],
    ["key", /[\w./-]+(?=:(?:\s|$))/y],
    ["mark", /[-|>&*!?:[\]{},]+(?=\s|$)/y],
  ],
};

const WORD = /[\w./:-]+|\s+|[\s\S]/y;

/** The text in pieces; joined they are the text again. */
export function tokenize(text: string, language: Language): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const token = tokenAt(text, at, RULES[language]);
    const last = tokens.at(-1);
    if (last?.kind === "plain" && token.kind === "plain") last.text += token.text;
    else tokens.push(token);
    at += token.text.length;
  }
  return tokens;
}

function tokenAt(text: string, at: number, rules: readonly Rule[]): Token {
  for (const [kind, expression] of rules) {
    const found = match(expression, text, at);
    if (found) return { kind, text: found };
  }
  return { kind: "plain", text: match(WORD, text, at) ?? text.charAt(at) };
}

function match(expression: RegExp, text: string, at: number): string | null {
  expression.lastIndex = at;
  return expression.exec(text)?.[0] ?? null;
}
