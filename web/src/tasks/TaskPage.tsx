import {
  Alert,
  Breadcrumb,
  BreadcrumbItem,
  Card,
  CardBody,
  CardTitle,
  DescriptionList,
  PageSection,
} from "@patternfly/react-core";
import { Link, useParams } from "react-router";

import { fromProblem } from "../api/problem";
import type { Task } from "../api/types";
import { Entry } from "../common/Entry";
import { ErrorNotice } from "../common/ErrorNotice";
import { formatDuration } from "../common/format";
import { Loading } from "../common/Loading";
import { ObjectLink } from "../common/ObjectLink";
import { PageTitle } from "../common/PageTitle";
import { Time } from "../common/Time";
import { useTask } from "./queries";
import { TaskLog } from "./TaskLog";
import { TaskProgress } from "./TaskProgress";
import { CancelButton } from "./TasksTable";
import { TaskStateLabel } from "./TaskStateLabel";

/** One task: how far it is, what it said, how it ended. */
export function TaskPage(): React.JSX.Element {
  const { id = "" } = useParams();
  const { data: task, error, isPending, refetch } = useTask(id);
  return (
    <>
      <PageSection type="breadcrumb">
        <Breadcrumb>
          <BreadcrumbItem render={({ className }) => <Link to="/tasks" className={className}>Tasks</Link>} />
          <BreadcrumbItem isActive>{task?.title ?? "Task"}</BreadcrumbItem>
        </Breadcrumb>
      </PageSection>
      <PageTitle title={task?.title ?? "Task"} actions={task && <CancelButton task={task} />} />
      <PageSection isFilled>
        {isPending && <Loading what="task" />}
        <ErrorNotice error={error} onRetry={() => void refetch()} />
        {task && <Details task={task} />}
      </PageSection>
    </>
  );
}

function Details({ task }: { task: Task }): React.JSX.Element {
  return (
    <div className="sk-stack">
      <Outcome task={task} />
      <Card>
        <CardBody>
          <DescriptionList columnModifier={{ default: "1Col", md: "2Col", xl: "3Col" }} isCompact>
            <Entry term="State">
              <TaskStateLabel task={task} />
            </Entry>
            <Entry term="About">
              <ObjectLink object={task.object} />
            </Entry>
            <Entry term="Asked by">
              {task.user}, <Time at={task.created_at} />
            </Entry>
            {task.started_at && task.ended_at && (
              <Entry term="Took">{formatDuration(Date.parse(task.ended_at) - Date.parse(task.started_at))}</Entry>
            )}
          </DescriptionList>
          {!task.ended_at && (
            <div className="sk-above">
              <TaskProgress task={task} />
            </div>
          )}
        </CardBody>
      </Card>
      <Card>
        <CardTitle>Log</CardTitle>
        <CardBody>
          <TaskLog id={task.id} live={!task.ended_at} />
        </CardBody>
      </Card>
    </div>
  );
}

function Outcome({ task }: { task: Task }): React.JSX.Element {
  const problem = task.error && fromProblem(task.error);
  return (
    <>
      {problem && (
        <Alert isInline variant="danger" title={problem.message}>
          {problem.hint}
        </Alert>
      )}
      {task.not_undone.length > 0 && (
        <Alert isInline variant="warning" title="This could not be taken back, and is left as it is">
          <ul className="sk-plain-list">
            {task.not_undone.map((text) => (
              <li key={text}>{text}</li>
            ))}
          </ul>
        </Alert>
      )}
    </>
  );
}
