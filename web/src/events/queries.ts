/** What happened, as the page asks for it. */

import { answer, api } from "../api/client";
import type { FactFilter } from "../api/filters";
import type { Fact } from "../api/types";
import { useList, type List } from "../common/list";

export function useFacts(filter: FactFilter): List<Fact> {
  return useList(["facts", filter], ({ query, signal }) => {
    const { object, kind } = filter;
    const { limit, cursor: before } = query; // facts are numbered: the cursor is the last one's number
    const wanted = { limit, ...(before ? { before } : {}), ...(object ? { object } : {}), ...(kind ? { kind } : {}) };
    return answer(api.GET("/api/v1/facts", { params: { query: wanted }, signal }));
  });
}
