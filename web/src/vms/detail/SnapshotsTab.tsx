import { Button, Card, CardBody, CardHeader, CardTitle, Label, TextInput } from "@patternfly/react-core";
import CameraIcon from "@patternfly/react-icons/dist/esm/icons/camera-icon";
import { Table, Tbody, Td, Th, Thead, Tr } from "@patternfly/react-table";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";

import type { Snapshot, Task, Vm } from "../../api/types";
import { ConfirmDialog } from "../../common/ConfirmDialog";
import { Empty } from "../../common/Empty";
import { ErrorNotice } from "../../common/ErrorNotice";
import { Field, inputProps } from "../../common/Field";
import { FormDialog } from "../../common/FormDialog";
import { Loading } from "../../common/Loading";
import { nameProblem } from "../../common/names";
import { RowMenu } from "../../common/RowMenu";
import { Time } from "../../common/Time";
import { onFact } from "../../live/live";
import { deleteSnapshot, revertSnapshot, takeSnapshot, useSnapshots } from "../queries";
import { useTaskRequest } from "./DiskDialogs";

type Dialog = { kind: "take" } | { kind: "revert" | "delete"; snapshot: Snapshot } | null;

/** Snapshots of a stopped machine's disks. */
export function SnapshotsTab({ vm }: { vm: Vm }): React.JSX.Element {
  const { data, error, isPending, refetch } = useSnapshots(vm.id);
  const [dialog, setDialog] = useState<Dialog>(null);
  useFreshSnapshots(vm.id);
  const stopped = vm.state === "stopped" && vm.actions.includes("edit");
  const take = (
    <Button variant="secondary" isDisabled={!stopped} onClick={() => setDialog({ kind: "take" })}>
      Take snapshot
    </Button>
  );
  const items = data?.items ?? [];
  return (
    <Card>
      <CardHeader actions={{ actions: take }}>
        <CardTitle component="h2">Snapshots</CardTitle>
      </CardHeader>
      <CardBody className="sk-stack">
        {!stopped && <p className="sk-quiet">Shut the machine down to take a snapshot or to go back to one.</p>}
        {isPending && <Loading what="snapshots" />}
        <ErrorNotice error={error} onRetry={() => void refetch()} />
        {data && items.length === 0 && (
          <Empty title="No snapshots" icon={CameraIcon}>
            A snapshot keeps the disks as they are now, so that one can go back to them after a change that went wrong.
          </Empty>
        )}
        {items.length > 0 && (
          <SnapshotTable items={items} enabled={stopped} onChoose={(kind, snapshot) => setDialog({ kind, snapshot })} />
        )}
      </CardBody>
      {dialog?.kind === "take" && <TakeDialog vm={vm} onClose={() => setDialog(null)} />}
      {dialog?.kind === "revert" && <RevertDialog vm={vm} snapshot={dialog.snapshot} onClose={() => setDialog(null)} />}
      {dialog?.kind === "delete" && <DeleteDialog vm={vm} snapshot={dialog.snapshot} onClose={() => setDialog(null)} />}
    </Card>
  );
}

interface TableProps {
  items: readonly Snapshot[];
  enabled: boolean;
  onChoose: (kind: "revert" | "delete", snapshot: Snapshot) => void;
}

function SnapshotTable({ items, enabled, onChoose }: TableProps): React.JSX.Element {
  return (
    <Table variant="compact" borders={false} aria-label="Snapshots" gridBreakPoint="grid-md">
      <Thead>
        <Tr>
          <Th>Name</Th>
          <Th>Taken</Th>
          <Th width={40}>Description</Th>
          <Th screenReaderText="Actions" />
        </Tr>
      </Thead>
      <Tbody>
        {items.map((snapshot) => (
          <Tr key={snapshot.name}>
            <Td dataLabel="Name">
              {snapshot.name} {snapshot.current && <Label isCompact>current</Label>}
            </Td>
            <Td dataLabel="Taken">
              <Time at={snapshot.created_at} />
            </Td>
            <Td dataLabel="Description" className="sk-break">
              {snapshot.description || "–"}
            </Td>
            <Td isActionCell>
              {enabled && (
                <RowMenu
                  name={snapshot.name}
                  actions={[
                    { label: "Go back to it", onClick: () => onChoose("revert", snapshot) },
                    { label: "Delete", isDanger: true, onClick: () => onChoose("delete", snapshot) },
                  ]}
                />
              )}
            </Td>
          </Tr>
        ))}
      </Tbody>
    </Table>
  );
}

function TakeDialog({ vm, onClose }: { vm: Vm; onClose: () => void }): React.JSX.Element {
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const take = useTaskRequest(() => takeSnapshot(vm.id, { name, description }), onClose);
  const wrong = name ? nameProblem(name) : null;
  return (
    <FormDialog
      title={`Take a snapshot of ${vm.name}`}
      submitLabel="Take snapshot"
      ready={nameProblem(name) === null}
      busy={take.isPending}
      error={take.error}
      onSubmit={() => take.mutate()}
      onClose={onClose}
    >
      <Field id="snapshot-name" label="Name" required error={wrong}>
        <TextInput {...inputProps("snapshot-name", wrong)} value={name} autoFocus placeholder="before-upgrade" onChange={(_event, text) => setName(text)} />
      </Field>
      <Field id="snapshot-description" label="Description">
        <TextInput id="snapshot-description" value={description} onChange={(_event, text) => setDescription(text)} />
      </Field>
    </FormDialog>
  );
}

interface DialogProps {
  vm: Vm;
  snapshot: Snapshot;
  onClose: () => void;
}

function RevertDialog({ vm, snapshot, onClose }: DialogProps): React.JSX.Element {
  const revert = useTaskRequest(() => revertSnapshot(vm.id, snapshot.name), onClose);
  return (
    <ConfirmDialog
      title={`Go back to ${snapshot.name}?`}
      confirmLabel="Go back"
      typedName={snapshot.name}
      busy={revert.isPending}
      error={revert.error}
      onConfirm={() => revert.mutate()}
      onClose={onClose}
    >
      What was written to the disks of {vm.name} since <Time at={snapshot.created_at} /> is lost.
    </ConfirmDialog>
  );
}

function DeleteDialog({ vm, snapshot, onClose }: DialogProps): React.JSX.Element {
  const remove = useTaskRequest(() => deleteSnapshot(vm.id, snapshot.name), onClose);
  return (
    <ConfirmDialog
      title={`Delete ${snapshot.name}?`}
      confirmLabel="Delete"
      busy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate()}
      onClose={onClose}
    >
      The disks of {vm.name} stay as they are now; one can no longer go back to this snapshot.
    </ConfirmDialog>
  );
}

/** Snapshots are not part of a machine's facts: ask anew whenever one of its tasks has ended. */
function useFreshSnapshots(id: string): void {
  const client = useQueryClient();
  useEffect(
    () =>
      onFact((fact) => {
        const task = fact.kind === "task.changed" ? (fact.data as Task | null) : null;
        if (task?.ended_at && task.object.id === id) {
          void client.invalidateQueries({ queryKey: ["snapshots", id] });
        }
      }),
    [client, id],
  );
}
