import { Table, Tbody, Td, Th, Thead, Tr } from "@patternfly/react-table";
import HistoryIcon from "@patternfly/react-icons/dist/esm/icons/history-icon";

import type { FactFilter } from "../api/filters";
import { Empty } from "../common/Empty";
import { ErrorNotice } from "../common/ErrorNotice";
import { Loading } from "../common/Loading";
import { LoadMore } from "../common/LoadMore";
import { ObjectLink } from "../common/ObjectLink";
import { Time } from "../common/Time";
import { useFacts } from "./queries";

/** What happened, the newest first. */
export function FactList({ filter }: { filter: FactFilter }): React.JSX.Element {
  const list = useFacts(filter);
  if (list.error) {
    return <ErrorNotice error={list.error} title="The events could not be loaded" onRetry={list.retry} />;
  }
  if (list.isPending) return <Loading what="events" />;
  if (list.items.length === 0) {
    return (
      <Empty title="Nothing has happened yet" icon={HistoryIcon}>
        Each change of a machine, an image or a task appears here as it happens, whoever made it.
      </Empty>
    );
  }
  return (
    <>
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
      <LoadMore
        shown={list.items.length}
        total={list.total}
        what="events"
        hasMore={list.hasMore}
        loading={list.loadingMore}
        onMore={list.loadMore}
      />
    </>
  );
}
