import { diffLines, withContext } from "./diff";

const SIGNS = { same: " ", added: "+", removed: "−" } as const;
const WORDS = { same: "", added: "added: ", removed: "removed: " } as const;

/** What changed between two texts. */
export function LineDiff({ before, after }: { before: string; after: string }): React.JSX.Element {
  const lines = diffLines(before, after);
  if (lines.every((line) => line.kind === "same")) return <p>Nothing changes.</p>;
  return (
    <div className="sk-diff" role="group" aria-label="Changed lines" tabIndex={0}>
      {withContext(lines).map((line, index) =>
        line === null ? (
          <div key={index} className="sk-diff-gap">
            ⋯
          </div>
        ) : (
          <div key={index} className={`sk-diff-line sk-diff-${line.kind}`}>
            <span className="sk-diff-number">{line.before ?? ""}</span>
            <span className="sk-diff-number">{line.after ?? ""}</span>
            <span className="sk-diff-sign" aria-hidden="true">
              {SIGNS[line.kind]}
            </span>
            <span className="sk-sr-only">{WORDS[line.kind]}</span>
            <code>{line.text}</code>
          </div>
        ),
      )}
    </div>
  );
}
