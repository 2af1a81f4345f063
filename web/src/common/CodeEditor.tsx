import { useMemo, useRef } from "react";

import { tokenize, type Language } from "./highlight";

interface Props {
  id: string;
  label: string;
  language: Language;
  value: string;
  onChange: (value: string) => void;
  rows?: number;
  readOnly?: boolean;
  invalid?: boolean;
  describedBy?: string;
}

const INDENT = "  ";
const COLOURED = 200_000; // characters; longer texts stay plain, so that typing stays quick

/**
 * A text field with line numbers and colours. Tab indents; Escape and then Tab leaves it, so that no keyboard is
 * trapped.
 */
export function CodeEditor(props: Props): React.JSX.Element {
  const { id, label, language, value, onChange, rows = 16, readOnly = false, invalid = false, describedBy } = props;
  const leaving = useRef(false);
  const tokens = useMemo(
    () => (value.length > COLOURED ? [{ kind: "plain" as const, text: value }] : tokenize(value, language)),
    [value, language],
  );
  const lines = value.split("\n").length;

  const onKeyDown = (event: React.KeyboardEvent<HTMLTextAreaElement>): void => {
    if (event.key === "Escape") {
      leaving.current = true;
      event.stopPropagation(); // a dialog around it stays open
    } else if (event.key === "Tab" && !leaving.current && !readOnly && !event.shiftKey) {
      event.preventDefault();
      const field = event.currentTarget;
      field.setRangeText(INDENT, field.selectionStart, field.selectionEnd, "end");
      onChange(field.value);
    } else if (event.key !== "Shift") {
      leaving.current = false;
    }
  };
  return (
    <div className={`sk-code${invalid ? " sk-code-invalid" : ""}`} style={{ maxBlockSize: `${rows * 1.5 + 1.5}em` }}>
      <div className="sk-code-sheet" style={{ minBlockSize: `${rows * 1.5 + 1}em` }}>
        <pre className="sk-code-numbers" aria-hidden="true">
          {Array.from({ length: lines }, (_, index) => index + 1).join("\n")}
        </pre>
        <div className="sk-code-text">
          <pre aria-hidden="true">
            {tokens.map((token, index) =>
              token.kind === "plain" ? (
                token.text
              ) : (
                <span key={index} className={`sk-token-${token.kind}`}>
                  {token.text}
                </span>
              ),
            )}
            {"\n"}
          </pre>
          <textarea
            id={id}
            aria-label={label}
            aria-invalid={invalid}
            aria-describedby={describedBy}
            value={value}
            readOnly={readOnly}
            spellCheck={false}
            autoCapitalize="off"
            autoComplete="off"
            wrap="off"
            onChange={(event) => onChange(event.currentTarget.value)}
            onKeyDown={onKeyDown}
            onBlur={() => (leaving.current = false)}
          />
        </div>
      </div>
    </div>
  );
}
