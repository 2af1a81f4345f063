import { Button, Card, CardBody, CardTitle } from "@patternfly/react-core";
import { Table, Tbody, Td, Th, Thead, Tr } from "@patternfly/react-table";
import { useMutation, useQueryClient } from "@tanstack/react-query";

import type { Upload } from "../api/types";
import { ErrorNotice } from "../common/ErrorNotice";
import { formatBytes } from "../common/format";
import { Time } from "../common/Time";
import { deleteUpload, useUploads } from "./queries";

/** What was sent and not imported; nothing is shown where there is none. */
export function UploadsCard(): React.JSX.Element | null {
  const { data } = useUploads();
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: (upload: Upload) => deleteUpload(upload.id),
    onSettled: () => client.invalidateQueries({ queryKey: ["uploads"] }),
  });
  if (!data || data.items.length === 0) return null;
  return (
    <Card>
      <CardTitle component="h2">Uploads that were not imported</CardTitle>
      <CardBody>
        <p className="sk-quiet">They take room until they are imported, or removed at the time that is shown.</p>
        <ErrorNotice error={remove.error} title="The upload could not be thrown away" />
        <Table variant="compact" borders={false} aria-label="Uploads" gridBreakPoint="grid-md">
          <Thead>
            <Tr>
              <Th width={30}>File</Th>
              <Th>Sent by</Th>
              <Th>Received</Th>
              <Th>Removed</Th>
              <Th screenReaderText="Actions" />
            </Tr>
          </Thead>
          <Tbody>
            {data.items.map((upload) => (
              <Tr key={upload.id}>
                <Td dataLabel="File" className="sk-break">{upload.name || upload.id}</Td>
                <Td dataLabel="Sent by">{upload.user}</Td>
                <Td dataLabel="Received">
                  {formatBytes(upload.received)} of {formatBytes(upload.size)}
                </Td>
                <Td dataLabel="Removed">
                  <Time at={upload.expires_at} />
                </Td>
                <Td isActionCell>
                  <Button
                    variant="link"
                    isDanger
                    isInline
                    className="sk-nowrap"
                    aria-label={`Throw ${upload.name || upload.id} away`}
                    isDisabled={remove.isPending}
                    onClick={() => remove.mutate(upload)}
                  >
                    Throw away
                  </Button>
                </Td>
              </Tr>
            ))}
          </Tbody>
        </Table>
      </CardBody>
    </Card>
  );
}
