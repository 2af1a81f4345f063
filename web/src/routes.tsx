import { lazy } from "react";
import { createBrowserRouter, Navigate } from "react-router";

import { Shell } from "./layout/Shell";
import { NotFound, PageBroken } from "./layout/NotFound";
import { VmsPage } from "./vms/VmsPage";

const VmPage = lazy(async () => ({ default: (await import("./vms/VmPage")).VmPage }));
const NewVmPage = lazy(async () => ({ default: (await import("./vms/create/NewVmPage")).NewVmPage }));
const ImagesPage = lazy(async () => ({ default: (await import("./images/ImagesPage")).ImagesPage }));
const StoragePage = lazy(async () => ({ default: (await import("./storage/StoragePage")).StoragePage }));
const HostsPage = lazy(async () => ({ default: (await import("./hosts/HostsPage")).HostsPage }));
const TasksPage = lazy(async () => ({ default: (await import("./tasks/TasksPage")).TasksPage }));
const TaskPage = lazy(async () => ({ default: (await import("./tasks/TaskPage")).TaskPage }));
const EventsPage = lazy(async () => ({ default: (await import("./events/EventsPage")).EventsPage }));
const AccountPage = lazy(async () => ({ default: (await import("./session/AccountPage")).AccountPage }));

/** What is where. */
export const router = createBrowserRouter([
  {
    element: <Shell />,
    errorElement: <PageBroken />,
    children: [
      { path: "/", element: <Navigate to="/vms" replace /> },
      { path: "/vms", element: <VmsPage /> },
      { path: "/vms/new", element: <NewVmPage /> },
      { path: "/vms/:id/:tab?", element: <VmPage /> },
      { path: "/images", element: <ImagesPage /> },
      { path: "/storage", element: <StoragePage /> },
      { path: "/hosts", element: <HostsPage /> },
      { path: "/tasks", element: <TasksPage /> },
      { path: "/tasks/:id", element: <TaskPage /> },
      { path: "/events", element: <EventsPage /> },
      { path: "/account", element: <AccountPage /> },
      { path: "*", element: <NotFound /> },
    ],
  },
]);
