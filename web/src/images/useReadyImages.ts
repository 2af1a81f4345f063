import { useEffect } from "react";

import type { Image } from "../api/types";
import type { List } from "../common/list";
import { useImages } from "./queries";

/** All images that can be used, for choosing one. */
export function useReadyImages(): List<Image> {
  const list = useImages({ q: "", kind: null });
  const { hasMore, loadingMore, loadMore } = list;
  useEffect(() => {
    if (hasMore && !loadingMore) loadMore();
  });
  return { ...list, items: list.items.filter((image) => image.state === "ready") };
}
