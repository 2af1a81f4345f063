import { useNow } from "./clock";
import { formatRelative, formatTime } from "./format";

/** A time as its distance from now; the title tells it in full. */
export function Time({ at }: { at: string }): React.JSX.Element {
  const now = useNow();
  return (
    <time dateTime={at} title={formatTime(at)} className="sk-nowrap">
      {formatRelative(at, now)}
    </time>
  );
}
