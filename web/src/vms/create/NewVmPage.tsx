import { Breadcrumb, BreadcrumbItem, PageSection } from "@patternfly/react-core";
import { Link, useSearchParams } from "react-router";

import { ErrorNotice } from "../../common/ErrorNotice";
import { Loading } from "../../common/Loading";
import { PageTitle } from "../../common/PageTitle";
import { useGuestOses, useHosts, useNetworks } from "../../hosts/queries";
import { useReadyImages } from "../../images/useReadyImages";
import { EMPTY, type Draft } from "./draft";
import { NewVmForm } from "./NewVmForm";
import type { Image } from "../../api/types";
import { GIB } from "../../common/format";

/** Asks for what a new machine should be like. */
export function NewVmPage(): React.JSX.Element {
  const [params] = useSearchParams();
  const images = useReadyImages();
  const hosts = useHosts();
  const networks = useNetworks();
  const guestOses = useGuestOses(); // without them the form is of use as well
  const error = images.error ?? hosts.error ?? networks.error;
  return (
    <>
      <PageSection type="breadcrumb">
        <Breadcrumb>
          <BreadcrumbItem render={({ className }) => <Link to="/vms" className={className}>Virtual machines</Link>} />
          <BreadcrumbItem isActive>Create</BreadcrumbItem>
        </Breadcrumb>
      </PageSection>
      <PageTitle title="Create a virtual machine" />
      <PageSection isFilled>
        <ErrorNotice error={error} title="What is needed for this form could not be loaded" />
        {!error && (images.isPending || hosts.isPending || networks.isPending) && <Loading what="form" />}
        {!images.isPending && hosts.data && networks.data && (
          <NewVmForm
            start={startingDraft(images.items, params.get("image"))}
            images={images.items}
            hosts={hosts.data.items}
            networks={networks.data.items}
            guestOses={guestOses.data?.items ?? []}
          />
        )}
      </PageSection>
    </>
  );
}

/** The empty form, with the image that was asked for, or the first template there is. */
export function startingDraft(images: readonly Image[], wanted: string | null): Draft {
  const asked = images.find((image) => image.id === wanted);
  const template = asked?.kind === "template" ? asked : images.find((image) => image.kind === "template");
  const iso = asked?.kind === "iso" ? asked : images.find((image) => image.kind === "iso");
  const source = asked?.kind === "iso" ? "iso" : template ? "template" : iso ? "iso" : "empty";
  return {
    ...EMPTY,
    source,
    template: template?.id ?? "",
    iso: iso?.id ?? "",
    cloudInit: source === "template",
    diskSize: Math.max(EMPTY.diskSize, Math.ceil((template?.size ?? 0) / GIB) * GIB),
  };
}
