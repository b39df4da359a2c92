"""Downloads: resumed, verified, unpacked without trusting the archive, placed in one step. Knows no corpus.

``shipment.py`` declares what makes a folder, ``download.py`` gets one file over HTTP, ``archive.py`` takes files out of
a zip or tar archive, ``placing.py`` makes the folder. Why this is not ``pooch``: docs/architecture.md, "Written by
hand".
"""

from tasks.text.fetching.placing import fetch, is_complete, recorded_hashes
from tasks.text.fetching.shipment import Archive, File, Shipment

__all__ = ["Archive", "File", "Shipment", "fetch", "is_complete", "recorded_hashes"]
