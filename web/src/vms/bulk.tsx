import { Alert } from "@patternfly/react-core";

import { describe } from "../api/problem";
import type { Task, Vm } from "../api/types";
import { followTask } from "../tasks/follow";

export interface Outcome {
  vm: Vm;
  error: unknown;
}

const AT_ONCE = 6;

/** Ask the same of many machines, a few at a time, and say how each one took it. */
export async function runBulk(vms: readonly Vm[], request: (vm: Vm) => Promise<Task>): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const waiting = [...vms];
  const work = async (): Promise<void> => {
    for (let vm = waiting.shift(); vm; vm = waiting.shift()) {
      const error: unknown = await request(vm).then(followTask).then(() => null, (reason: unknown) => reason);
      outcomes.push({ vm, error });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return outcomes;
}

/** Which of them were refused, and why. */
export function BulkOutcome({ outcomes }: { outcomes: readonly Outcome[] }): React.JSX.Element | null {
  const refused = outcomes.filter((outcome) => outcome.error !== null);
  if (refused.length === 0) return null;
  return (
    <Alert
      isInline
      variant="warning"
      title={`${outcomes.length - refused.length} of ${outcomes.length} accepted, ${refused.length} not`}
    >
      <ul className="sk-plain-list">
        {refused.map(({ vm, error }) => {
          const { message, hint } = describe(error);
          return (
            <li key={vm.id}>
              <strong>{vm.name}</strong>: {message}
              {hint && `. ${hint}`}
            </li>
          );
        })}
      </ul>
    </Alert>
  );
}
