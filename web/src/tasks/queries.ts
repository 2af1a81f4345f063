/** Tasks as the page asks for them. */

import { useQuery, type UseQueryResult } from "@tanstack/react-query";

import { answer, api } from "../api/client";
import type { TaskFilter } from "../api/filters";
import type { Page, Task, TaskLogLine } from "../api/types";
import { useList, type List } from "../common/list";

const LOG_LINES = 500;

export function useTasks(filter: TaskFilter): List<Task> {
  return useList(["tasks", filter], ({ query, signal }) => {
    const { state, object } = filter;
    const wanted = { ...query, ...(state ? { state } : {}), ...(object ? { object } : {}) };
    return answer(api.GET("/api/v1/tasks", { params: { query: wanted }, signal }));
  });
}

export function useTask(id: string): UseQueryResult<Task> {
  return useQuery({
    queryKey: ["task", id],
    queryFn: ({ signal }) => answer(api.GET("/api/v1/tasks/{id}", { params: { path: { id } }, signal })),
  });
}

/** The whole log, however long; new lines come with the event stream. */
export function useTaskLog(id: string): UseQueryResult<Page<TaskLogLine>> {
  return useQuery({
    queryKey: ["task-log", id],
    queryFn: async ({ signal }) => {
      const items: TaskLogLine[] = [];
      for (;;) {
        const query = { limit: LOG_LINES, after: items.at(-1)?.number ?? 0 };
        const page = await answer(
          api.GET("/api/v1/tasks/{id}/log", { params: { path: { id }, query }, signal }),
        );
        items.push(...page.items);
        if (page.items.length < LOG_LINES) return { items, next_cursor: null, total: items.length };
      }
    },
  });
}

export function cancelTask(id: string): Promise<Task> {
  return answer(api.POST("/api/v1/tasks/{id}/cancel", { params: { path: { id } } }));
}
