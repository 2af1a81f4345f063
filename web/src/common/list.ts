/** Lists that load page by page, as components want them. */

import { keepPreviousData, useInfiniteQuery, type QueryKey } from "@tanstack/react-query";

import { distinct, itemsOf, nextCursor, totalOf, type Pages } from "../api/pages";
import type { Page } from "../api/types";

export interface List<T> {
  items: T[];
  total: number;
  isPending: boolean;
  error: Error | null;
  hasMore: boolean;
  loadingMore: boolean;
  loadMore: () => void;
  retry: () => void;
}

/** What a page is asked for with. */
export interface Asked {
  query: { limit: number; cursor?: string };
  signal: AbortSignal;
}

const PAGE = 50;

/** A list by its key; while another filter loads, the old rows stay. */
export function useList<T extends { id: string }>(key: QueryKey, load: (asked: Asked) => Promise<Page<T>>): List<T> {
  const query = useInfiniteQuery<Page<T>, Error, Pages<T>, QueryKey, string | null>({
    queryKey: key,
    initialPageParam: null,
    getNextPageParam: nextCursor,
    placeholderData: keepPreviousData,
    queryFn: ({ pageParam, signal }) =>
      load({ query: { limit: PAGE, ...(pageParam ? { cursor: pageParam } : {}) }, signal }),
  });
  return {
    items: distinct(itemsOf(query.data)),
    total: totalOf(query.data),
    isPending: query.isPending,
    error: query.error,
    hasMore: query.hasNextPage,
    loadingMore: query.isFetchingNextPage,
    loadMore: () => void query.fetchNextPage(),
    retry: () => void query.refetch(),
  };
}
