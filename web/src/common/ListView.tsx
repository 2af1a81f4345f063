import { ErrorNotice } from "./ErrorNotice";
import { Loading } from "./Loading";
import { LoadMore } from "./LoadMore";
import type { List } from "./list";

interface Props<T> {
  list: List<T>;
  /** Its rows, in the plural: “machines”. */
  what: string;
  /** In place of rows when there are none; says the next step. */
  empty: React.JSX.Element;
  /** The table of the rows that are loaded. */
  children: React.ReactNode;
}

/** A list in each of its states: on its way, failed, empty, and loaded as far as it was asked for. */
export function ListView<T>({ list, what, empty, children }: Props<T>): React.JSX.Element {
  return (
    <>
      <ErrorNotice error={list.error} title={`The ${what} could not be loaded`} onRetry={list.retry} />
      {list.isPending && <Loading what={what} />}
      {!list.isPending && !list.error && list.items.length === 0 && empty}
      {list.items.length > 0 && children}
      <LoadMore
        shown={list.items.length}
        total={list.total}
        what={what}
        hasMore={list.hasMore}
        loading={list.loadingMore}
        onMore={list.loadMore}
      />
    </>
  );
}
