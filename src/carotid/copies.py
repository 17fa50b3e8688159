"""Hidden names under which programs keep a file that has not arrived yet, or has gone elsewhere.

rsync, lftp, Syncthing and Nextcloud copy under such a name and rename at the end; iCloud leaves one
behind when it takes a file away to save room. What lies there stands for a file that is missing.
"""

from __future__ import annotations

import re

_HIDDEN = re.compile(
    r"\.(?:syncthing\.|in\.)?(?P<name>[^._].*)\.(?:[A-Za-z0-9]{6}|~[0-9a-f]+|tmp|part|)"
)


def name_when_whole(name: str) -> str | None:
    """What a file will be called once it is all there; None where it is no such copy.

    >>> name_when_whole(".scan.nii.gz.Ab3dEf"), name_when_whole(".in.scan.nii.gz.")
    ('scan.nii.gz', 'scan.nii.gz')
    >>> name_when_whole(".scan.nii.gz.icloud"), name_when_whole("._scan.nii.gz")
    ('scan.nii.gz', None)
    """
    copied = _HIDDEN.fullmatch(name)
    return None if copied is None else copied["name"]
