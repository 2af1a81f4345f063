/** Volumes and uploads as the page asks for them and what it tells them. */

import { useQuery, type UseQueryResult } from "@tanstack/react-query";

import { answer, api, done } from "../api/client";
import type { Page, Task, Upload, Volume } from "../api/types";
import { useList, type List } from "../common/list";

export interface VolumeFilter {
  unused: boolean;
}

/** Volumes have no id of their own: where they are is what names them. */
export type VolumeRow = Volume & { id: string };

export function useVolumes(filter: VolumeFilter): List<VolumeRow> {
  return useList(["volumes", filter], async ({ query, signal }) => {
    const page = await answer(
      api.GET("/api/v1/volumes", { params: { query: { ...query, unused: filter.unused } }, signal }),
    );
    return { ...page, items: page.items.map((volume) => ({ ...volume, id: `${volume.host}:${volume.path}` })) };
  });
}

export function deleteVolume(volume: Volume): Promise<Task> {
  const { storage_pool, name, host } = volume;
  return answer(
    api.DELETE("/api/v1/volumes/{storage_pool}/{name}", { params: { path: { storage_pool, name }, query: { host } } }),
  );
}

export function useUploads(): UseQueryResult<Page<Upload>> {
  return useQuery({
    queryKey: ["uploads"],
    queryFn: ({ signal }) => answer(api.GET("/api/v1/uploads", { params: { query: { limit: 500 } }, signal })),
  });
}

export function deleteUpload(id: string): Promise<void> {
  return done(api.DELETE("/api/v1/uploads/{id}", { params: { path: { id } } }));
}
