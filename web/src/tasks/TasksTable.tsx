import { Button } from "@patternfly/react-core";
import { Table, Tbody, Td, Th, Thead, Tr } from "@patternfly/react-table";
import { Link } from "react-router";

import type { Task } from "../api/types";
import { formatDuration } from "../common/format";
import { ObjectLink } from "../common/ObjectLink";
import { Time } from "../common/Time";
import { ask } from "./follow";
import { cancelTask } from "./queries";
import { TaskProgress } from "./TaskProgress";
import { TaskStateLabel } from "./TaskStateLabel";

interface Props {
  tasks: readonly Task[];
  /** Where all tasks are of one thing, its name says nothing. */
  withoutObject?: boolean;
}

/** Tasks as rows, with live progress. */
export function TasksTable({ tasks, withoutObject = false }: Props): React.JSX.Element {
  return (
    <Table variant="compact" aria-label="Tasks" className="sk-tasks" gridBreakPoint="grid-lg">
      <Thead>
        <Tr>
          <Th width={25}>Task</Th>
          {!withoutObject && <Th width={15}>About</Th>}
          <Th width={10}>State</Th>
          <Th width={25}>Progress</Th>
          <Th modifier="nowrap">Asked by</Th>
          <Th modifier="nowrap">When</Th>
          <Th screenReaderText="Actions" />
        </Tr>
      </Thead>
      <Tbody>
        {tasks.map((task) => (
          <Tr key={task.id}>
            <Td dataLabel="Task">
              <Link to={`/tasks/${task.id}`}>{task.title}</Link>
            </Td>
            {!withoutObject && (
              <Td dataLabel="About">
                <ObjectLink object={task.object} />
              </Td>
            )}
            <Td dataLabel="State">
              <TaskStateLabel task={task} />
            </Td>
            <Td dataLabel="Progress">
              <TaskProgress task={task} />
            </Td>
            <Td dataLabel="Asked by">{task.user}</Td>
            <Td dataLabel="When">
              <Time at={task.created_at} />
              {task.started_at && task.ended_at && (
                <div className="sk-quiet">took {formatDuration(Date.parse(task.ended_at) - Date.parse(task.started_at))}</div>
              )}
            </Td>
            <Td isActionCell>
              <CancelButton task={task} />
            </Td>
          </Tr>
        ))}
      </Tbody>
    </Table>
  );
}

/** Stops a task that can still be stopped. */
export function CancelButton({ task }: { task: Task }): React.JSX.Element | null {
  if (task.ended_at || !task.cancellable) return null;
  return (
    <Button
      variant="secondary"
      size="sm"
      isDisabled={task.cancel_requested}
      onClick={() => void ask(`cancel “${task.title}”`, () => cancelTask(task.id))}
      aria-label={`Cancel ${task.title}`}
    >
      Cancel
    </Button>
  );
}
