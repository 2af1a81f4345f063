import { Progress, ProgressMeasureLocation } from "@patternfly/react-core";

import type { Task } from "../api/types";
import { fromProblem } from "../api/problem";

/** How far a task is, in words. */
export function stepText(task: Task): string {
  const step = task.step_count > 1 && task.step_number > 0 ? `Step ${task.step_number} of ${task.step_count}` : "";
  return [step, task.step].filter(Boolean).join(": ");
}

/** What a task does now, or why it failed. */
export function TaskProgress({ task }: { task: Task }): React.JSX.Element | null {
  if (task.state === "running") {
    return (
      <div className="sk-progress">
        <Progress
          value={Math.round((task.progress ?? 0) * 100)}
          title={stepText(task)}
          aria-label={`Progress of ${task.title}`}
          size="sm"
          measureLocation={task.progress == null ? ProgressMeasureLocation.none : ProgressMeasureLocation.outside}
          helperText={task.detail || undefined}
        />
      </div>
    );
  }
  if (task.state === "queued") return <span className="sk-quiet">Waits for its turn</span>;
  if (task.error) {
    return <span className="sk-break">{fromProblem(task.error).message}</span>;
  }
  return null;
}
