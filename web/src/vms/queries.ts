/** Machines as the page asks for them and what it tells them. */

import { useQuery, type UseQueryResult } from "@tanstack/react-query";

import { answer, api } from "../api/client";
import type { VmFilter } from "../api/filters";
import type {
  ConsoleTicket,
  Definition,
  NewNic,
  NewVm,
  NewVmDisk,
  Snapshot,
  Task,
  Vm,
  VmAction,
  VmChanges,
} from "../api/types";
import { useList, type List } from "../common/list";

export function useVms(filter: VmFilter): List<Vm> {
  return useList(["vms", filter], ({ query, signal }) => {
    const { q, state, sort, descending } = filter;
    const wanted = { ...query, sort, descending, ...(q ? { q } : {}), ...(state ? { state: [state] } : {}) };
    return answer(api.GET("/api/v1/vms", { params: { query: wanted }, signal }));
  });
}

export function useVm(id: string): UseQueryResult<Vm> {
  return useQuery({
    queryKey: ["vm", id],
    queryFn: ({ signal }) => answer(api.GET("/api/v1/vms/{id}", { params: { path: { id } }, signal })),
  });
}

export function createVm(body: NewVm): Promise<Task> {
  return answer(api.POST("/api/v1/vms", { body }));
}

export function changeVm(id: string, changes: Partial<VmChanges>, etag?: string): Promise<Task> {
  return answer(
    api.PATCH("/api/v1/vms/{id}", {
      params: { path: { id }, header: etag ? { "if-match": quoted(etag) } : {} },
      body: { remove_direct_kernel: false, ...changes },
    }),
  );
}

export function actOnVm(id: string, action: VmAction): Promise<Task> {
  return answer(
    api.POST("/api/v1/vms/{id}/actions", {
      params: { path: { id } },
      body: { action, timeout_s: 120, force_after: false },
    }),
  );
}

export function deleteVm(id: string, options: { keepDisks: boolean; force: boolean }): Promise<Task> {
  const query = { disks: options.keepDisks ? ("keep" as const) : ("delete" as const), force: options.force };
  return answer(api.DELETE("/api/v1/vms/{id}", { params: { path: { id }, query } }));
}

export function cloneVm(id: string, body: { name: string; full_copy: boolean; start: boolean }): Promise<Task> {
  return answer(api.POST("/api/v1/vms/{id}/clone", { params: { path: { id } }, body }));
}

// ---- definition

export function loadDefinition(id: string, signal?: AbortSignal): Promise<Definition> {
  return answer(
    api.GET("/api/v1/vms/{id}/definition", { params: { path: { id } }, ...(signal ? { signal } : {}) }),
  );
}

/** As the hypervisor would keep it; throws what is wrong with it. */
export function checkDefinition(id: string, xml: string): Promise<Definition> {
  return answer(api.POST("/api/v1/vms/{id}/definition/check", { params: { path: { id } }, body: { xml } }));
}

export function saveDefinition(id: string, xml: string, etag: string): Promise<Definition> {
  return answer(
    api.PUT("/api/v1/vms/{id}/definition", {
      params: { path: { id }, header: { "if-match": quoted(etag) } },
      body: { xml },
    }),
  );
}

// ---- disks and network cards

export function addDisk(id: string, body: NewVmDisk): Promise<Task> {
  return answer(api.POST("/api/v1/vms/{id}/disks", { params: { path: { id } }, body }));
}

export function resizeDisk(id: string, target: string, size: number): Promise<Task> {
  return answer(api.PATCH("/api/v1/vms/{id}/disks/{target}", { params: { path: { id, target } }, body: { size } }));
}

export function removeDisk(id: string, target: string, deleteVolume: boolean): Promise<Task> {
  const query = { delete: deleteVolume };
  return answer(api.DELETE("/api/v1/vms/{id}/disks/{target}", { params: { path: { id, target }, query } }));
}

export function changeMedia(id: string, target: string, image: string | null): Promise<Task> {
  return answer(
    api.PUT("/api/v1/vms/{id}/disks/{target}/media", { params: { path: { id, target } }, body: { image } }),
  );
}

export function addNic(id: string, body: NewNic): Promise<Task> {
  return answer(api.POST("/api/v1/vms/{id}/nics", { params: { path: { id } }, body }));
}

export function removeNic(id: string, mac: string): Promise<Task> {
  return answer(api.DELETE("/api/v1/vms/{id}/nics/{mac}", { params: { path: { id, mac } } }));
}

// ---- snapshots

export function useSnapshots(id: string): UseQueryResult<{ items: Snapshot[] }> {
  return useQuery({
    queryKey: ["snapshots", id],
    queryFn: ({ signal }) => answer(api.GET("/api/v1/vms/{id}/snapshots", { params: { path: { id } }, signal })),
  });
}

export function takeSnapshot(id: string, body: { name: string; description: string }): Promise<Task> {
  return answer(api.POST("/api/v1/vms/{id}/snapshots", { params: { path: { id } }, body }));
}

export function revertSnapshot(id: string, name: string): Promise<Task> {
  return answer(api.POST("/api/v1/vms/{id}/snapshots/{name}/revert", { params: { path: { id, name } } }));
}

export function deleteSnapshot(id: string, name: string): Promise<Task> {
  return answer(api.DELETE("/api/v1/vms/{id}/snapshots/{name}", { params: { path: { id, name } } }));
}

// ---- consoles

export function openConsole(id: string, kind: "serial" | "graphics"): Promise<ConsoleTicket> {
  return answer(api.POST("/api/v1/vms/{id}/consoles", { params: { path: { id } }, body: { kind } }));
}

function quoted(etag: string): string {
  return `"${etag}"`;
}
