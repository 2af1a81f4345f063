"""What the words of a recipe mean for an image; `table` says of each how it is treated."""

from skerry.images.words.meaning import Meaning as Meaning
from skerry.images.words.meaning import Repository as Repository
from skerry.images.words.meaning import Source as Source
from skerry.images.words.meaning import default_storage as default_storage
from skerry.images.words.source import parse_source as parse_source
from skerry.images.words.understand import HONOURED as HONOURED
from skerry.images.words.understand import Understood as Understood
from skerry.images.words.understand import check as check
from skerry.images.words.understand import check_disks as check_disks
from skerry.images.words.understand import understand as understand
