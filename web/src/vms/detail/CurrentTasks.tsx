import { Card, CardBody } from "@patternfly/react-core";
import { Link } from "react-router";

import { useTasks } from "../../tasks/queries";
import { TaskProgress } from "../../tasks/TaskProgress";
import { CancelButton } from "../../tasks/TasksTable";

/** What is being done with a thing right now. */
export function CurrentTasks({ id }: { id: string }): React.JSX.Element | null {
  const tasks = useTasks({ object: id, state: null }).items.filter((task) => !task.ended_at);
  if (tasks.length === 0) return null;
  return (
    <Card isCompact>
      <CardBody className="sk-stack">
        {tasks.map((task) => (
          <div key={task.id} className="sk-current">
            <div className="sk-grow">
              <Link to={`/tasks/${task.id}`}>{task.title}</Link>
              <TaskProgress task={task} />
            </div>
            <CancelButton task={task} />
          </div>
        ))}
      </CardBody>
    </Card>
  );
}
