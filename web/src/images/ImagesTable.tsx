import { Label } from "@patternfly/react-core";
import CheckCircleIcon from "@patternfly/react-icons/dist/esm/icons/check-circle-icon";
import DiscIcon from "@patternfly/react-icons/dist/esm/icons/compact-disc-icon";
import ExclamationCircleIcon from "@patternfly/react-icons/dist/esm/icons/exclamation-circle-icon";
import HddIcon from "@patternfly/react-icons/dist/esm/icons/hdd-icon";
import InProgressIcon from "@patternfly/react-icons/dist/esm/icons/in-progress-icon";
import { Table, Tbody, Td, Th, Thead, Tr } from "@patternfly/react-table";
import { useState } from "react";
import { useNavigate } from "react-router";

import type { Image } from "../api/types";
import { formatBytes } from "../common/format";
import { RowMenu } from "../common/RowMenu";
import { Time } from "../common/Time";
import { DeleteImageDialog } from "./DeleteImageDialog";
import { EditImageDialog } from "./EditImageDialog";

const STATES = {
  ready: { label: "Ready", color: "green", icon: <CheckCircleIcon /> },
  importing: { label: "Importing", color: "blue", icon: <InProgressIcon /> },
  deleting: { label: "Deleting", color: "orange", icon: <InProgressIcon /> },
  failed: { label: "Failed", color: "red", icon: <ExclamationCircleIcon /> },
} as const;

/** Images as rows. */
export function ImagesTable({ images }: { images: readonly Image[] }): React.JSX.Element {
  return (
    <Table variant="compact" aria-label="Images" gridBreakPoint="grid-lg">
      <Thead>
        <Tr>
          <Th width={25}>Name</Th>
          <Th>Kind</Th>
          <Th>State</Th>
          <Th modifier="nowrap">Size</Th>
          <Th modifier="nowrap">On disk</Th>
          <Th width={20}>Used by</Th>
          <Th>Added</Th>
          <Th screenReaderText="Actions" />
        </Tr>
      </Thead>
      <Tbody>
        {images.map((image) => (
          <Row key={image.id} image={image} />
        ))}
      </Tbody>
    </Table>
  );
}

function Row({ image }: { image: Image }): React.JSX.Element {
  const [dialog, setDialog] = useState<"edit" | "delete" | null>(null);
  const navigate = useNavigate();
  const state = STATES[image.state];
  const isTemplate = image.kind === "template";
  const settled = image.state === "ready" || image.state === "failed";
  const create = { label: "Create machine", onClick: () => void navigate(`/vms/new?image=${image.id}`) };
  return (
    <Tr>
      <Td dataLabel="Name">
        <span title={image.sha256 ? `SHA-256 ${image.sha256}` : undefined}>{image.name}</span>
        {image.description && <div className="sk-quiet sk-break">{image.description}</div>}
      </Td>
      <Td dataLabel="Kind">
        <Label isCompact variant="outline" icon={isTemplate ? <HddIcon /> : <DiscIcon />}>
          {isTemplate ? "Template" : "ISO"}
        </Label>
      </Td>
      <Td dataLabel="State">
        <Label isCompact color={state.color} icon={state.icon}>
          {state.label}
        </Label>
      </Td>
      <Td dataLabel="Size" modifier="nowrap">{image.size > 0 ? formatBytes(image.size) : "–"}</Td>
      <Td dataLabel="On disk" modifier="nowrap">{image.allocation > 0 ? formatBytes(image.allocation) : "–"}</Td>
      <Td dataLabel="Used by" className="sk-break">
        {image.used_by.length > 0 ? image.used_by.join(", ") : <span className="sk-quiet">nothing</span>}
      </Td>
      <Td dataLabel="Added">
        <Time at={image.created_at} />
      </Td>
      <Td isActionCell>
        {image.state !== "deleting" && (
          <RowMenu
            name={image.name}
            actions={[
              ...(image.state === "ready" ? [create] : []),
              { label: "Rename or describe", onClick: () => setDialog("edit") },
              ...(settled ? [{ label: "Delete", isDanger: true, onClick: () => setDialog("delete") }] : []),
            ]}
          />
        )}
        {dialog === "edit" && <EditImageDialog image={image} onClose={() => setDialog(null)} />}
        {dialog === "delete" && <DeleteImageDialog image={image} onClose={() => setDialog(null)} />}
      </Td>
    </Tr>
  );
}
