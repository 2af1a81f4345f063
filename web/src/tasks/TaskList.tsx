import TaskIcon from "@patternfly/react-icons/dist/esm/icons/task-icon";

import type { TaskFilter } from "../api/filters";
import { Empty } from "../common/Empty";
import { ListView } from "../common/ListView";
import { useTasks } from "./queries";
import { TasksTable } from "./TasksTable";

/** Tasks, the newest first. */
export function TaskList({ filter }: { filter: TaskFilter }): React.JSX.Element {
  const list = useTasks(filter);
  const empty = (
    <Empty title={filter.state ? "No task is in this state" : "No tasks yet"} icon={TaskIcon}>
      Everything that takes longer than a blink becomes a task: creating a machine, starting it, importing an image. It
      stays here with its log.
    </Empty>
  );
  return (
    <ListView list={list} what="tasks" empty={empty}>
      <TasksTable tasks={list.items} withoutObject={filter.object !== null} />
    </ListView>
  );
}
