import { Label, type LabelProps } from "@patternfly/react-core";
import BanIcon from "@patternfly/react-icons/dist/esm/icons/ban-icon";
import CheckCircleIcon from "@patternfly/react-icons/dist/esm/icons/check-circle-icon";
import ClockIcon from "@patternfly/react-icons/dist/esm/icons/clock-icon";
import ExclamationCircleIcon from "@patternfly/react-icons/dist/esm/icons/exclamation-circle-icon";
import InProgressIcon from "@patternfly/react-icons/dist/esm/icons/in-progress-icon";

import type { Task, TaskState } from "../api/types";

interface Look {
  label: string;
  icon: React.ComponentType;
  color: NonNullable<LabelProps["color"]>;
}

export const TASK_STATES: Readonly<Record<TaskState, Look>> = {
  queued: { label: "Waiting", icon: ClockIcon, color: "grey" },
  running: { label: "Running", icon: InProgressIcon, color: "blue" },
  succeeded: { label: "Done", icon: CheckCircleIcon, color: "green" },
  failed: { label: "Failed", icon: ExclamationCircleIcon, color: "red" },
  cancelled: { label: "Cancelled", icon: BanIcon, color: "grey" },
};

/** The state of a task as icon and word. */
export function TaskStateLabel({ task }: { task: Pick<Task, "state" | "cancel_requested" | "ended_at"> }): React.JSX.Element {
  const { label, icon: Icon, color } = TASK_STATES[task.state];
  const stopping = task.cancel_requested && !task.ended_at;
  return (
    <Label color={stopping ? "orange" : color} icon={<Icon />} isCompact>
      {stopping ? "Cancelling" : label}
    </Label>
  );
}
