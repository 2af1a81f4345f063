import { Card, CardBody, CardTitle, Label } from "@patternfly/react-core";
import { Table, Tbody, Td, Th, Thead, Tr } from "@patternfly/react-table";

import type { StoragePool } from "../api/types";
import { formatBytes, formatPercent } from "../common/format";
import { UsageBar } from "../common/UsageBar";

/** Where volumes are kept. */
export function StorageCard({ pools }: { pools: readonly StoragePool[] }): React.JSX.Element {
  return (
    <Card>
      <CardTitle>Storage pools</CardTitle>
      <CardBody>
        {pools.length === 0 && <p className="sk-quiet">There are none.</p>}
        {pools.length > 0 && (
          <Table variant="compact" borders={false} aria-label="Storage pools" gridBreakPoint="grid-md">
            <Thead>
              <Tr>
                <Th>Name</Th>
                <Th>Kind</Th>
                <Th>Used</Th>
                <Th>Free</Th>
                <Th>Path</Th>
              </Tr>
            </Thead>
            <Tbody>
              {pools.map((pool) => (
                <Tr key={pool.name}>
                  <Td dataLabel="Name">
                    {pool.name} {!pool.active && <Label isCompact>inactive</Label>}
                  </Td>
                  <Td dataLabel="Kind">{pool.kind}</Td>
                  <Td dataLabel="Used">
                    <UsageBar
                      share={pool.capacity > 0 ? pool.allocation / pool.capacity : null}
                      text={`${formatBytes(pool.allocation)} of ${formatBytes(pool.capacity)}, ${formatPercent(pool.capacity > 0 ? pool.allocation / pool.capacity : 0)}`}
                      label={`Used of ${pool.name}`}
                    />
                  </Td>
                  <Td dataLabel="Free">{formatBytes(pool.available)}</Td>
                  <Td dataLabel="Path" className="sk-break">
                    {pool.path ?? "–"}
                  </Td>
                </Tr>
              ))}
            </Tbody>
          </Table>
        )}
      </CardBody>
    </Card>
  );
}
