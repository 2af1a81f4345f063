import { PageSection, Toolbar, ToolbarContent, ToolbarItem } from "@patternfly/react-core";
import { useSearchParams } from "react-router";

import type { TaskState } from "../api/types";
import { PageTitle } from "../common/PageTitle";
import { TaskList } from "./TaskList";
import { TASK_STATES } from "./TaskStateLabel";

/** All tasks. */
export function TasksPage(): React.JSX.Element {
  const [params, setParams] = useSearchParams();
  const wanted = params.get("state");
  const state = wanted !== null && wanted in TASK_STATES ? (wanted as TaskState) : null;
  return (
    <>
      <PageTitle title="Tasks" />
      <PageSection isFilled>
        <Toolbar className="sk-toolbar">
          <ToolbarContent>
            <ToolbarItem>
              <select
                className="sk-select"
                aria-label="Show state"
                value={state ?? ""}
                onChange={(event) => {
                  const chosen = event.currentTarget.value;
                  setParams(chosen ? { state: chosen } : {}, { replace: true });
                }}
              >
                <option value="">All tasks</option>
                {Object.entries(TASK_STATES).map(([word, { label }]) => (
                  <option key={word} value={word}>
                    {label}
                  </option>
                ))}
              </select>
            </ToolbarItem>
          </ToolbarContent>
        </Toolbar>
        <TaskList filter={{ state, object: null }} />
      </PageSection>
    </>
  );
}
