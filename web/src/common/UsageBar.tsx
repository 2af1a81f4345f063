interface Props {
  /** 0 to 1; null: not known. */
  share: number | null;
  /** What is said beside the bar. */
  text: string;
  label: string;
  /** False: a high share is nothing to worry about. */
  alarming?: boolean;
}

/** A small live bar with its number. Colour only repeats what the number says. */
export function UsageBar({ share, text, label, alarming = true }: Props): React.JSX.Element {
  if (share === null) return <span className="sk-quiet">–</span>;
  const percent = Math.min(100, Math.max(0, share * 100));
  const level = !alarming ? "normal" : percent >= 90 ? "high" : percent >= 70 ? "raised" : "normal";
  return (
    <div
      className="sk-bar"
      role="meter"
      aria-label={label}
      aria-valuenow={Math.round(percent)}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuetext={text}
    >
      <span className="sk-bar-text">{text}</span>
      <span className="sk-bar-track" aria-hidden="true">
        <span className={`sk-bar-fill sk-bar-${level}`} style={{ width: `${percent}%` }} />
      </span>
    </div>
  );
}
