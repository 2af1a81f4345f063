import { PageSection, Toolbar, ToolbarContent, ToolbarItem } from "@patternfly/react-core";
import { useSearchParams } from "react-router";

import { PageTitle } from "../common/PageTitle";
import { FactList } from "./FactList";

const KINDS: readonly [string, string][] = [
  ["vm.changed", "Machines changed"],
  ["vm.removed", "Machines removed"],
  ["task.changed", "Tasks"],
  ["image.changed", "Images changed"],
  ["image.removed", "Images removed"],
  ["host.changed", "Hosts"],
];

/** Everything that happened. */
export function EventsPage(): React.JSX.Element {
  const [params, setParams] = useSearchParams();
  const kind = params.get("kind");
  return (
    <>
      <PageTitle title="Events" description="What happened, whoever made it happen: Skerry, virsh, or the guest." />
      <PageSection isFilled>
        <Toolbar className="sk-toolbar">
          <ToolbarContent>
            <ToolbarItem>
              <select
                className="sk-select"
                aria-label="Show kind"
                value={kind ?? ""}
                onChange={(event) => {
                  const chosen = event.currentTarget.value;
                  setParams(chosen ? { kind: chosen } : {}, { replace: true });
                }}
              >
                <option value="">All events</option>
                {KINDS.map(([word, label]) => (
                  <option key={word} value={word}>
                    {label}
                  </option>
                ))}
              </select>
            </ToolbarItem>
          </ToolbarContent>
        </Toolbar>
        <FactList filter={{ object: null, kind }} />
      </PageSection>
    </>
  );
}
