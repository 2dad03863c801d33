"""Handing somebody what is held about them."""

from __future__ import annotations

from fastapi.responses import Response

from calsync.rights.export import export
from calsync.store.audit import By
from calsync.web.limits import Rule
from calsync.web.site import Site

#: An export asks both calendars for all they hold.
_PACE = Rule("export", 2, 3600)


def exported(site: Site, user: str, by: By) -> Response:
    """Return the archive of a user as a download under a name that says nothing; HTTPException 429."""
    site.check_pace(_PACE, user)
    made = export(site.parts, user, by)
    headers = {"Content-Disposition": 'attachment; filename="calsync-export.zip"'}
    return Response(made.data, media_type="application/zip", headers=headers)
