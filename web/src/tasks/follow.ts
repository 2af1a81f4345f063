/** Tells how the tasks end that this tab asked for, wherever the person is by then. */

import { fromProblem } from "../api/problem";
import type { Task } from "../api/types";
import { addErrorToast, addToast } from "../common/toasts";
import { onFact } from "../live/live";

const QUIET_KINDS = /^vm\.(start|shutdown|poweroff|reboot|reset|pause|resume|save|restore|action)/;
const REMEMBERED = 100;

const followed = new Set<string>();
const ended = new Map<string, Task>(); // a quick task may end before the answer to its request is here

/** Say so when this task has ended. */
export function followTask(task: Task): Task {
  const last = ended.get(task.id);
  if (last) tell(last);
  else followed.add(task.id);
  return task;
}

/** Begin to listen; the answer ends it. */
export function followTasks(): () => void {
  return onFact((fact) => {
    const task = fact.kind === "task.changed" ? (fact.data as Task | null) : null;
    if (!task?.ended_at) return;
    if (followed.delete(task.id)) tell(task);
    else remember(task);
  });
}

function remember(task: Task): void {
  ended.set(task.id, task);
  const [oldest] = ended.keys();
  if (ended.size > REMEMBERED && oldest !== undefined) ended.delete(oldest);
}

function tell(task: Task): void {
  if (task.state === "failed") {
    addToast({
      variant: "danger",
      title: `${task.title}: failed`,
      text: task.error ? whatAndHint(task) : null,
      link: { to: `/tasks/${task.id}`, label: "Show the task" },
    });
  } else if (task.state === "cancelled") {
    addToast({ variant: "info", title: `${task.title}: cancelled` });
  } else if (!QUIET_KINDS.test(task.kind)) {
    addToast({ variant: "success", title: `${task.title}: done` });
  }
}

function whatAndHint(task: Task): string {
  if (!task.error) return "";
  const { message, hint } = fromProblem(task.error);
  return hint ? `${message}. ${hint}` : message;
}

/** Ask for a task, follow it, and show what is wrong where it is not even accepted. */
export async function ask(what: string, request: () => Promise<Task>): Promise<Task | null> {
  try {
    return followTask(await request());
  } catch (error) {
    addErrorToast(`Could not ${what}`, error);
    return null;
  }
}
