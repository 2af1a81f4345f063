import { Link } from "react-router";

import type { ObjectRef } from "../api/types";

const PLACES: Readonly<Partial<Record<ObjectRef["kind"], (object: ObjectRef) => string>>> = {
  vm: (object) => `/vms/${object.id}`,
  task: (object) => `/tasks/${object.id}`,
  image: () => "/images",
  host: () => "/hosts",
  network: () => "/hosts",
  "storage-pool": () => "/hosts",
  volume: () => "/storage",
};

/** The name of a thing, and the way to it. */
export function ObjectLink({ object, gone = false }: { object: ObjectRef; gone?: boolean }): React.JSX.Element {
  const place = gone ? undefined : PLACES[object.kind];
  return place ? <Link to={place(object)}>{object.name}</Link> : <span>{object.name}</span>;
}
