/** Images as the page asks for them and what it tells them. */

import { answer, api, done } from "../api/client";
import type { ImageFilter } from "../api/filters";
import type { Image, Task } from "../api/types";
import { useList, type List } from "../common/list";

export function useImages(filter: ImageFilter): List<Image> {
  return useList(["images", filter], ({ query, signal }) => {
    const { q, kind } = filter;
    const wanted = { ...query, ...(q ? { q } : {}), ...(kind ? { kind } : {}) };
    return answer(api.GET("/api/v1/images", { params: { query: wanted }, signal }));
  });
}

export interface ImportWish {
  name: string;
  description: string;
  upload: string | null;
  storagePool: string | null;
  volume: string | null;
  sha256: string | null;
}

export function importImage(wish: ImportWish): Promise<Task> {
  const { name, description, upload, storagePool, volume, sha256 } = wish;
  const body = { name, description, upload, storage_pool: storagePool, volume, sha256: sha256 === "" ? null : sha256 };
  return answer(api.POST("/api/v1/images", { body }));
}

export function changeImage(id: string, changes: { name?: string; description?: string }): Promise<Image> {
  return answer(api.PATCH("/api/v1/images/{id}", { params: { path: { id } }, body: changes }));
}

export function deleteImage(id: string): Promise<Task> {
  return answer(api.DELETE("/api/v1/images/{id}", { params: { path: { id } } }));
}

export function forgetUpload(id: string): Promise<void> {
  return done(api.DELETE("/api/v1/uploads/{id}", { params: { path: { id } } }));
}
