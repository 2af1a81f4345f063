/** Hosts, networks and storage as the page asks for them. They are few: one page holds them all. */

import { useQuery, type UseQueryResult } from "@tanstack/react-query";

import { answer, api } from "../api/client";
import type { GuestOs, HostInfo, Network, Page, StoragePool } from "../api/types";

const ALL = { query: { limit: 500 } };

export function useHosts(): UseQueryResult<Page<HostInfo>> {
  return useQuery({
    queryKey: ["hosts"],
    queryFn: ({ signal }) => answer(api.GET("/api/v1/hosts", { params: ALL, signal })),
  });
}

/** Guest OS definitions that machines can be installed with. */
export function useGuestOses(): UseQueryResult<Page<GuestOs>> {
  return useQuery({
    queryKey: ["guest-oses"],
    queryFn: ({ signal }) => answer(api.GET("/api/v1/guest-oses", { signal })),
  });
}

export function useNetworks(): UseQueryResult<Page<Network>> {
  return useQuery({
    queryKey: ["networks"],
    queryFn: ({ signal }) => answer(api.GET("/api/v1/networks", { signal })),
  });
}

export function useStoragePools(): UseQueryResult<Page<StoragePool>> {
  return useQuery({
    queryKey: ["storage-pools"],
    queryFn: ({ signal }) => answer(api.GET("/api/v1/storage-pools", { signal })),
  });
}
