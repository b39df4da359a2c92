"""Downloads: resumed, verified, unpacked without trust, put into place in one step. Knows no corpus.

``download.py`` gets one file, by the answers that ``http.py`` receives; ``partial.py`` is what is there of it;
``archive.py`` takes files out of a zip or tar archive; ``placing.py`` puts it all together. The libraries do what is
hard: requests speaks HTTP through proxies, urllib3 tells a body that broke off, ``zipfile`` and ``tarfile`` know the
formats.
"""

from tasks.text.fetching.download import Wanted
from tasks.text.fetching.placing import Archive, Item, Shipment, fetch, is_complete

__all__ = ["Archive", "Item", "Shipment", "Wanted", "fetch", "is_complete"]
