import { useNow } from "./clock";
import { formatDuration, formatTime } from "./format";

/** How long something runs; the title tells since when. */
export function Uptime({ since }: { since: string }): React.JSX.Element {
  const now = useNow();
  return (
    <time dateTime={since} title={`since ${formatTime(since)}`} className="sk-nowrap">
      {formatDuration(Math.max(0, now - new Date(since).getTime()))}
    </time>
  );
}
