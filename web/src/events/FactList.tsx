import { Table, Tbody, Td, Th, Thead, Tr } from "@patternfly/react-table";
import HistoryIcon from "@patternfly/react-icons/dist/esm/icons/history-icon";

import type { FactFilter } from "../api/filters";
import { Empty } from "../common/Empty";
import { ListView } from "../common/ListView";
import { ObjectLink } from "../common/ObjectLink";
import { Time } from "../common/Time";
import { useFacts } from "./queries";

/** What happened, the newest first. */
export function FactList({ filter }: { filter: FactFilter }): React.JSX.Element {
  const list = useFacts(filter);
  const empty = (
    <Empty title="Nothing has happened yet" icon={HistoryIcon}>
      Each change of a machine, an image or a task appears here as it happens, whoever made it.
    </Empty>
  );
  return (
    <ListView list={list} what="events" empty={empty}>
      <Table variant="compact" aria-label="Events" gridBreakPoint="grid-md">
        <Thead>
          <Tr>
            <Th width={15}>When</Th>
            <Th width={40}>What</Th>
            <Th width={20}>About</Th>
            <Th>By</Th>
            <Th>Kind</Th>
          </Tr>
        </Thead>
        <Tbody>
          {list.items.map((fact) => (
            <Tr key={fact.id}>
              <Td dataLabel="When">
                <Time at={fact.at} />
              </Td>
              <Td dataLabel="What" className="sk-break">
                {fact.summary}
              </Td>
              <Td dataLabel="About">
                <ObjectLink object={fact.object} gone={fact.kind.endsWith(".removed")} />
              </Td>
              <Td dataLabel="By" modifier="nowrap">{fact.user ?? <span className="sk-quiet">the host</span>}</Td>
              <Td dataLabel="Kind">
                <code>{fact.kind}</code>
              </Td>
            </Tr>
          ))}
        </Tbody>
      </Table>
    </ListView>
  );
}
