import { Button, Card, CardBody, CardHeader, CardTitle } from "@patternfly/react-core";
import { Table, Tbody, Td, Th, Thead, Tr } from "@patternfly/react-table";
import { useState } from "react";

import type { Disk, Vm } from "../../api/types";
import { formatBytes } from "../../common/format";
import { Empty } from "../../common/Empty";
import { RowMenu, type RowAction } from "../../common/RowMenu";
import { AddDiskDialog } from "./AddDiskDialog";
import { DetachDiskDialog, MediaDialog, ResizeDiskDialog } from "./DiskDialogs";

type Dialog = { kind: "resize" | "detach" | "media"; disk: Disk } | { kind: "add" } | null;

const KINDS = { disk: "Disk", cdrom: "CD drive", floppy: "Floppy", lun: "LUN" } as const;

/** Disks and CD drives of a machine. */
export function DisksTab({ vm }: { vm: Vm }): React.JSX.Element {
  const [dialog, setDialog] = useState<Dialog>(null);
  const close = (): void => setDialog(null);
  const canEdit = vm.actions.includes("edit");
  const add = (
    <Button variant="secondary" isDisabled={!canEdit} onClick={() => setDialog({ kind: "add" })}>
      Add disk or CD drive
    </Button>
  );
  return (
    <Card>
      <CardHeader actions={{ actions: add }}>
        <CardTitle component="h2">Disks</CardTitle>
      </CardHeader>
      <CardBody>
        {vm.disks.length === 0 ? (
          <Empty title="No disks">It can still start from the network. Add a disk to keep something.</Empty>
        ) : (
          <Table variant="compact" borders={false} aria-label={`Disks of ${vm.name}`} gridBreakPoint="grid-md">
            <Thead>
              <Tr>
                <Th>Target</Th>
                <Th>Kind</Th>
                <Th width={40}>Source</Th>
                <Th>Size</Th>
                <Th>On disk</Th>
                <Th screenReaderText="Actions" />
              </Tr>
            </Thead>
            <Tbody>
              {vm.disks.map((disk) => (
                <Tr key={disk.target}>
                  <Td dataLabel="Target">
                    <code>{disk.target}</code> <span className="sk-quiet">{disk.bus}</span>
                  </Td>
                  <Td dataLabel="Kind">
                    {KINDS[disk.device]}
                    {disk.read_only && disk.device === "disk" && ", read-only"}
                  </Td>
                  <Td dataLabel="Source" className="sk-break">
                    <DiskSource disk={disk} template={disk === vm.disks[0] ? vm.template : null} />
                  </Td>
                  <Td dataLabel="Size">{disk.size == null ? "–" : formatBytes(disk.size)}</Td>
                  <Td dataLabel="On disk">{disk.allocation == null ? "–" : formatBytes(disk.allocation)}</Td>
                  <Td isActionCell>
                    {canEdit && (
                      <RowMenu name={disk.target} actions={actionsFor(disk, (kind) => setDialog({ kind, disk }))} />
                    )}
                  </Td>
                </Tr>
              ))}
            </Tbody>
          </Table>
        )}
      </CardBody>
      {dialog?.kind === "add" && <AddDiskDialog vm={vm} onClose={close} />}
      {dialog?.kind === "resize" && <ResizeDiskDialog vm={vm} disk={dialog.disk} onClose={close} />}
      {dialog?.kind === "detach" && <DetachDiskDialog vm={vm} disk={dialog.disk} onClose={close} />}
      {dialog?.kind === "media" && <MediaDialog vm={vm} disk={dialog.disk} onClose={close} />}
    </Card>
  );
}

function DiskSource({ disk, template }: { disk: Disk; template: string | null | undefined }): React.JSX.Element {
  if (disk.source === null) return <span className="sk-quiet">empty</span>;
  const source = disk.volume ? `${disk.storage_pool ?? ""}/${disk.volume}` : disk.source;
  return (
    <>
      <span title={disk.source}>{source}</span>
      {disk.format && <span className="sk-quiet"> {disk.format}</span>}
      {template && <div className="sk-quiet">cloned from {template}</div>}
    </>
  );
}

function actionsFor(
  disk: Disk,
  open: (kind: "resize" | "detach" | "media") => void,
): RowAction[] {
  const detach = { label: disk.device === "cdrom" ? "Remove drive" : "Detach", isDanger: true, onClick: () => open("detach") };
  if (disk.device === "cdrom") return [{ label: "Change CD", onClick: () => open("media") }, detach];
  return [...(disk.size == null ? [] : [{ label: "Make larger", onClick: () => open("resize") }]), detach];
}
