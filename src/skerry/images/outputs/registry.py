"""Every output that can be asked for, by name."""

from __future__ import annotations

from collections.abc import Mapping

from skerry.errors import BadInput
from skerry.images.outputs.archive import Directory, Tar
from skerry.images.outputs.disk import Qcow2Disk, RawDisk
from skerry.images.outputs.iso import Iso
from skerry.images.outputs.oci import Oci
from skerry.images.outputs.output import Output
from skerry.images.outputs.pxe import Pxe
from skerry.images.outputs.uki import Uki

_ALL: tuple[Output, ...] = (RawDisk(), Qcow2Disk(), Iso(), Pxe(), Uki(), Tar(), Directory(), Oci())
OUTPUTS: Mapping[str, Output] = {output.name: output for output in _ALL}


def find_output(name: str) -> Output:
    """The output of this name.

    Raises:
        BadInput: there is none.
    """
    if name not in OUTPUTS:
        raise BadInput(f"{name!r} is not an output", hint=f"choose {', '.join(OUTPUTS)}")
    return OUTPUTS[name]
