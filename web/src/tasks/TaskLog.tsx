import { useEffect, useRef } from "react";

import { ErrorNotice } from "../common/ErrorNotice";
import { formatTime } from "../common/format";
import { Loading } from "../common/Loading";
import { useTaskLog } from "./queries";

const NEAR_END = 40; // pixels

/** What a task said. While it runs the view stays at the end, unless the person scrolled up. */
export function TaskLog({ id, live }: { id: string; live: boolean }): React.JSX.Element {
  const { data, error, isPending, refetch } = useTaskLog(id);
  const box = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const count = data?.items.length ?? 0;

  useEffect(() => {
    if (live && atEnd.current) box.current?.scrollTo(0, box.current.scrollHeight);
  }, [count, live]);

  if (isPending) return <Loading what="log" />;
  if (error) return <ErrorNotice error={error} onRetry={() => void refetch()} />;
  if (count === 0) return <p className="sk-quiet">{live ? "Nothing was said yet." : "The task said nothing."}</p>;
  return (
    <div
      ref={box}
      className="sk-log"
      role="log"
      aria-label="Log of the task"
      tabIndex={0}
      onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
        atEnd.current = scrollHeight - scrollTop - clientHeight < NEAR_END;
      }}
    >
      {data.items.map((line) => (
        <div key={line.number}>
          <time dateTime={line.at} title={formatTime(line.at)}>
            {new Date(line.at).toLocaleTimeString("en-GB")}
          </time>{" "}
          {line.text}
        </div>
      ))}
    </div>
  );
}
