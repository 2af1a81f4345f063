import { Label } from "@patternfly/react-core";
import { Table, Tbody, Td, Th, Thead, Tr } from "@patternfly/react-table";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";

import type { Volume } from "../api/types";
import { ConfirmDialog } from "../common/ConfirmDialog";
import { formatBytes, plural } from "../common/format";
import { RowMenu } from "../common/RowMenu";
import { followTask } from "../tasks/follow";
import { deleteVolume, type VolumeRow } from "./queries";

/** Volumes as rows. */
export function VolumesTable({ volumes }: { volumes: readonly VolumeRow[] }): React.JSX.Element {
  const [deleting, setDeleting] = useState<Volume | null>(null);
  return (
    <>
      <Table variant="compact" aria-label="Volumes" gridBreakPoint="grid-lg">
        <Thead>
          <Tr>
            <Th width={30}>Name</Th>
            <Th>Pool</Th>
            <Th>Format</Th>
            <Th modifier="nowrap">Size</Th>
            <Th modifier="nowrap">On disk</Th>
            <Th width={25}>Needed by</Th>
            <Th screenReaderText="Actions" />
          </Tr>
        </Thead>
        <Tbody>
          {volumes.map((volume) => (
            <Tr key={volume.id}>
              <Td dataLabel="Name" className="sk-break">
                <span title={volume.path}>{volume.name}</span>
                {volume.backing && <div className="sk-quiet">stands on {fileName(volume.backing)}</div>}
              </Td>
              <Td dataLabel="Pool">{volume.storage_pool}</Td>
              <Td dataLabel="Format">{volume.format}</Td>
              <Td dataLabel="Size" modifier="nowrap">{formatBytes(volume.capacity)}</Td>
              <Td dataLabel="On disk" modifier="nowrap">{formatBytes(volume.allocation)}</Td>
              <Td dataLabel="Needed by" className="sk-break">
                {volume.unused ? <Label isCompact color="orange">nothing</Label> : neededBy(volume)}
              </Td>
              <Td isActionCell>
                {volume.unused && (
                  <RowMenu
                    name={volume.name}
                    actions={[{ label: "Delete", isDanger: true, onClick: () => setDeleting(volume) }]}
                  />
                )}
              </Td>
            </Tr>
          ))}
        </Tbody>
      </Table>
      {deleting && <DeleteVolumeDialog volume={deleting} onClose={() => setDeleting(null)} />}
    </>
  );
}

/** Machines, the image that it holds, and how many clones stand on it. */
export function neededBy(volume: Volume): string {
  const image = volume.image ? [`image ${volume.image}`] : [];
  const clones = volume.clones.length > 0 ? [plural(volume.clones.length, "clone")] : [];
  return [...volume.used_by, ...image, ...clones].join(", ");
}

function fileName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function DeleteVolumeDialog({ volume, onClose }: { volume: Volume; onClose: () => void }): React.JSX.Element {
  const remove = useMutation({
    mutationFn: () => deleteVolume(volume),
    onSuccess: (task) => {
      followTask(task);
      onClose();
    },
  });
  return (
    <ConfirmDialog
      title={`Delete ${volume.name}?`}
      confirmLabel="Delete"
      typedName={volume.name}
      busy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate()}
      onClose={onClose}
    >
      {`This frees ${formatBytes(volume.allocation)}. What is on it is lost, and cannot be taken back.`}
    </ConfirmDialog>
  );
}
