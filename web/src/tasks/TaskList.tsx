import TaskIcon from "@patternfly/react-icons/dist/esm/icons/task-icon";

import type { TaskFilter } from "../api/filters";
import { Empty } from "../common/Empty";
import { ErrorNotice } from "../common/ErrorNotice";
import { Loading } from "../common/Loading";
import { LoadMore } from "../common/LoadMore";
import { useTasks } from "./queries";
import { TasksTable } from "./TasksTable";

/** Tasks, the newest first. */
export function TaskList({ filter }: { filter: TaskFilter }): React.JSX.Element {
  const list = useTasks(filter);
  if (list.error) {
    return <ErrorNotice error={list.error} title="The tasks could not be loaded" onRetry={list.retry} />;
  }
  if (list.isPending) return <Loading what="tasks" />;
  if (list.items.length === 0) {
    return (
      <Empty title={filter.state ? "No task is in this state" : "No tasks yet"} icon={TaskIcon}>
        Everything that takes longer than a blink becomes a task: creating a machine, starting it, importing an image.
        It stays here with its log.
      </Empty>
    );
  }
  return (
    <>
      <TasksTable tasks={list.items} withoutObject={filter.object !== null} />
      <LoadMore
        shown={list.items.length}
        total={list.total}
        what="tasks"
        hasMore={list.hasMore}
        loading={list.loadingMore}
        onMore={list.loadMore}
      />
    </>
  );
}
