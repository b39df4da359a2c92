"""Downloads: gone on with, verified, unpacked without trust, put into place in one step. Knows no corpus.

``download.py`` gets one file, by the answers that ``http.py`` receives; ``partial.py`` is what is there of it;
``archive.py`` takes files out of a zip or tar archive; ``placing.py`` makes a folder of a ``shipment.py``.
The libraries do what is hard: requests speaks HTTP through proxies, urllib3 tells a body that broke off, ``zipfile``
and ``tarfile`` know the formats.
"""

from tasks.text.fetching.download import Wanted
from tasks.text.fetching.placing import fetch, is_complete
from tasks.text.fetching.shipment import Archive, Item, Shipment

__all__ = ["Archive", "Item", "Shipment", "Wanted", "fetch", "is_complete"]
