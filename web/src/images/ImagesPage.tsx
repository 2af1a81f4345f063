import { Button, PageSection, SearchInput, Toolbar, ToolbarContent, ToolbarItem } from "@patternfly/react-core";
import ImageIcon from "@patternfly/react-icons/dist/esm/icons/layer-group-icon";
import { useState } from "react";

import type { ImageFilter } from "../api/filters";
import { Empty } from "../common/Empty";
import { ListView } from "../common/ListView";
import { PageTitle } from "../common/PageTitle";
import { ImagesTable } from "./ImagesTable";
import { ImportDialog } from "./ImportDialog";
import { useImages } from "./queries";

/** What machines are cloned from, and CDs. */
export function ImagesPage(): React.JSX.Element {
  const [filter, setFilter] = useState<ImageFilter>({ q: "", kind: null });
  const [importing, setImporting] = useState(false);
  const list = useImages(filter);
  const filtered = filter.q !== "" || filter.kind !== null;
  const importButton = <Button onClick={() => setImporting(true)}>Import image</Button>;
  const empty = (
    <Empty title={filtered ? "No image matches" : "No images yet"} icon={ImageIcon} actions={importButton}>
      {filtered
        ? "Try a shorter name or another kind."
        : "Import a disk image (qcow2, raw, also compressed) or an ISO from this computer, or build one with “skerry image build”."}
    </Empty>
  );
  return (
    <>
      <PageTitle
        title="Images"
        description="Templates are disks that machines are cloned from. ISO images go into CD drives."
        actions={importButton}
      />
      <PageSection isFilled>
        <ImageToolbar filter={filter} onFilter={setFilter} />
        <ListView list={list} what="images" empty={empty}>
          <ImagesTable images={list.items} />
        </ListView>
      </PageSection>
      {importing && <ImportDialog onClose={() => setImporting(false)} />}
    </>
  );
}

interface ToolbarProps {
  filter: ImageFilter;
  onFilter: (filter: ImageFilter) => void;
}

function ImageToolbar({ filter, onFilter }: ToolbarProps): React.JSX.Element {
  return (
    <Toolbar className="sk-toolbar">
      <ToolbarContent>
        <ToolbarItem>
          <SearchInput
            aria-label="Search by name"
            placeholder="Search by name"
            value={filter.q}
            onChange={(_event, q) => onFilter({ ...filter, q })}
            onClear={() => onFilter({ ...filter, q: "" })}
          />
        </ToolbarItem>
        <ToolbarItem>
          <select
            className="sk-select"
            aria-label="Show kind"
            value={filter.kind ?? ""}
            onChange={(event) =>
              onFilter({ ...filter, kind: (event.currentTarget.value || null) as ImageFilter["kind"] })
            }
          >
            <option value="">All kinds</option>
            <option value="template">Templates</option>
            <option value="iso">ISO images</option>
          </select>
        </ToolbarItem>
      </ToolbarContent>
    </Toolbar>
  );
}
