import { Button, ToolbarGroup, ToolbarItem } from "@patternfly/react-core";
import { useState } from "react";

import type { Vm, VmAction } from "../api/types";
import { ConfirmDialog } from "../common/ConfirmDialog";
import { plural } from "../common/format";
import { BulkOutcome, runBulk, type Outcome } from "./bulk";
import { DeleteVmsDialog } from "./DeleteVmsDialog";
import { actOnVm } from "./queries";
import { ACTIONS } from "./states";

interface Props {
  vms: readonly Vm[];
  /** What stays selected afterwards: those that were refused. */
  onDone: (remaining: readonly Vm[]) => void;
}

const BULK: readonly VmAction[] = ["start", "shutdown", "poweroff"];

/** What can be done with all chosen machines; each button says how many of them it is valid for. */
export function BulkActions({ vms, onDone }: Props): React.JSX.Element {
  const [asked, setAsked] = useState<VmAction | "delete" | null>(null);
  const deletable = vms.filter((vm) => vm.actions.includes("delete") || vm.actions.includes("poweroff"));
  return (
    <ToolbarGroup className="sk-bulk" role="group" aria-label="Actions for the chosen machines">
      <ToolbarItem alignSelf="center">
        <strong>{vms.length} chosen</strong>
      </ToolbarItem>
      {BULK.map((action) => {
        const able = vms.filter((vm) => vm.actions.includes(action));
        return (
          <ToolbarItem key={action}>
            <Button variant="secondary" size="sm" isDisabled={able.length === 0} onClick={() => setAsked(action)}>
              {ACTIONS[action].label}
              {able.length > 0 && able.length < vms.length && ` (${able.length})`}
            </Button>
          </ToolbarItem>
        );
      })}
      <ToolbarItem>
        <Button
          variant="secondary"
          isDanger
          size="sm"
          isDisabled={deletable.length === 0}
          onClick={() => setAsked("delete")}
        >
          Delete
        </Button>
      </ToolbarItem>
      <ToolbarItem>
        <Button variant="link" size="sm" onClick={() => onDone([])}>
          Clear
        </Button>
      </ToolbarItem>
      {asked === "delete" && (
        <DeleteVmsDialog
          vms={deletable}
          onClose={() => {
            setAsked(null);
            onDone([]);
          }}
        />
      )}
      {asked && asked !== "delete" && (
        <BulkDialog
          action={asked}
          vms={vms.filter((vm) => vm.actions.includes(asked))}
          others={vms.filter((vm) => !vm.actions.includes(asked))}
          onClose={(refused) => {
            setAsked(null);
            if (refused) onDone(refused);
          }}
        />
      )}
    </ToolbarGroup>
  );
}

interface DialogProps {
  action: VmAction;
  vms: readonly Vm[];
  others: readonly Vm[];
  onClose: (refused: readonly Vm[] | null) => void;
}

function BulkDialog({ action, vms, others, onClose }: DialogProps): React.JSX.Element {
  const [outcomes, setOutcomes] = useState<readonly Outcome[]>([]);
  const [busy, setBusy] = useState(false);
  const { label, asks } = ACTIONS[action];
  const refused = outcomes.filter((outcome) => outcome.error !== null).map((outcome) => outcome.vm);
  const left = outcomes.length > 0 ? refused : vms;

  const run = async (): Promise<void> => {
    setBusy(true);
    const results = await runBulk(left, (vm) => actOnVm(vm.id, action));
    setBusy(false);
    setOutcomes(results);
    if (results.every((result) => result.error === null)) onClose([]);
  };
  return (
    <ConfirmDialog
      title={`${label} ${plural(left.length, "machine")}?`}
      confirmLabel={outcomes.length > 0 ? "Try these again" : label}
      danger={asks !== null}
      busy={busy}
      onConfirm={() => void run()}
      onClose={() => onClose(outcomes.length > 0 ? refused : null)}
    >
      <div className="sk-stack">
        <p>{left.map((vm) => vm.name).join(", ")}</p>
        {asks && <p>{asks}</p>}
        {others.length > 0 && (
          <p className="sk-quiet">
            Left alone, because it is not valid for them now: {others.map((vm) => vm.name).join(", ")}
          </p>
        )}
        <BulkOutcome outcomes={outcomes} />
      </div>
    </ConfirmDialog>
  );
}
