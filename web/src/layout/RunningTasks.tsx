import { Badge, Spinner } from "@patternfly/react-core";
import { Link } from "react-router";

import { useTasks } from "../tasks/queries";

/** How many tasks run now. */
export function RunningTasks(): React.JSX.Element | null {
  const { items, total } = useTasks({ state: "running", object: null });
  const count = Math.max(total, items.length);
  if (count === 0) return null;
  return (
    <Link to="/tasks" className="sk-running" aria-label={`${count} running ${count === 1 ? "task" : "tasks"}`}>
      <Spinner size="md" aria-hidden="true" />
      <Badge isRead>{count}</Badge>
    </Link>
  );
}
