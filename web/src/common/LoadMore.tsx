import { Button } from "@patternfly/react-core";

interface Props {
  shown: number;
  total: number;
  what: string;
  hasMore: boolean;
  loading: boolean;
  onMore: () => void;
}

/** How much of a list is shown, and the way to more of it. */
export function LoadMore({ shown, total, what, hasMore, loading, onMore }: Props): React.JSX.Element | null {
  if (shown === 0) return null;
  return (
    <div className="sk-more">
      <span>
        {shown} of {Math.max(total, shown)} {what}
      </span>
      {hasMore && (
        <Button variant="secondary" size="sm" isLoading={loading} isDisabled={loading} onClick={onMore}>
          Load more
        </Button>
      )}
    </div>
  );
}
