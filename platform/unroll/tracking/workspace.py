"""A dashboard as a workspace of W&B, by ``wandb-workspaces``: the one place that knows that library."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import io
import json
import warnings
from typing import Any

from unroll.contract import UserError
from unroll.tracking.dashboard import Dashboard, Panel
from unroll.tracking.deadline import within
from unroll.tracking.remote import Remote
from unroll.tracking.service import STEP

SAVE_SECONDS = 120.0
_VIEW = "query View($id: ID!) { view(id: $id) { id displayName } }"


def check_installed() -> None:
    """See that the library is there.

    Raises:
        UserError: it is not.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # it tells everybody that its pydantic is of an older manner
            importlib.import_module("wandb_workspaces.workspaces")
            importlib.import_module("wandb_workspaces.reports.v2")
    except ImportError as error:
        raise UserError(
            "a dashboard needs the library wandb-workspaces",
            received=str(error),
            advice="install it: pip install 'unroll[dashboard]'",
        ) from None


def specification(dashboard: Dashboard) -> dict[str, Any]:
    """What is sent, as JSON; the same dashboard is the same text every time."""
    text = _workspace(dashboard)._to_model().spec.model_dump_json(by_alias=True, exclude_none=True)
    return dict(json.loads(text))


def save(dashboard: Dashboard, remote: Remote, known: tuple[str, str] | None) -> tuple[tuple[str, str], str]:
    """Save the workspace, in the place of the one that it was saved as before.

    Args:
        dashboard: what it shows.
        remote: W&B, which is asked whether the workspace is there.
        known: its name and id of an earlier time.

    Returns:
        Name and id, and the address to look at it.

    Raises:
        UserError: W&B refuses it, or does not have it afterwards.
        Unanswered: W&B does not answer.
    """
    workspace = _workspace(dashboard)
    if known is not None:
        workspace._internal_name, workspace._internal_id = known
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # it tells the address, as does whoever calls this
            within(SAVE_SECONDS, workspace.save)
        url = str(workspace.url)
    except Exception as error:
        said = remote.without_key(f"{type(error).__name__}: {error}".splitlines()[0])
        raise UserError("W&B must accept the workspace", where=str(dashboard.at), received=said[:300]) from None
    saved = str(workspace._internal_name), str(workspace._internal_id)
    view = remote.ask(_VIEW, {"id": saved[1]}).get("view")
    if not view or view.get("displayName") != dashboard.name:
        raise UserError("W&B must have the workspace after it was saved", where=str(dashboard.at), received=str(view))
    return saved, url


def _workspace(dashboard: Dashboard) -> Any:
    import wandb_workspaces.workspaces as ws
    from wandb_workspaces import expr

    sections = [
        ws.Section(
            name=section.name,
            panels=[_panel(panel, section.name, dashboard) for panel in section.panels],
            is_open=section.is_open,
        )
        for section in dashboard.sections
    ]
    return ws.Workspace(
        entity=dashboard.at.entity,
        project=dashboard.at.project,
        name=dashboard.name,
        sections=sections,
        settings=ws.WorkspaceSettings(x_axis=STEP, max_runs=len(dashboard.runs)),
        runset_settings=ws.RunsetSettings(
            filters=expr.And(expr.Metric("ID").isin([*dashboard.runs, dashboard.report])), groupby=[expr.Config("arm")]
        ),
    )


def _panel(panel: Panel, section: str, dashboard: Dashboard) -> Any:
    import wandb_workspaces.reports.v2 as wr

    spread = {"groupby": wr.Config(panel.by), "groupby_aggfunc": "mean", "groupby_rangefunc": "stddev"}
    made: Any
    if panel.kind == "curve":
        made = wr.LinePlot(title=panel.title, x=STEP, y=[panel.metric], max_runs_to_show=len(dashboard.runs), **spread)
    elif panel.kind == "bars":
        shown = wr.SummaryMetric(panel.metric)
        made = wr.BarPlot(title=panel.title, metrics=[shown], max_runs_to_show=len(dashboard.runs), **spread)
    elif panel.kind == "page":
        made = wr.MediaBrowser(title=panel.title, media_keys=[panel.metric], num_columns=1)
    else:
        made = wr.MarkdownPanel(markdown=panel.text)
    # Its own would be drawn by chance: a workspace that is saved again would be another one.
    content = "\n".join((dashboard.study, dashboard.phase, section, panel.kind, panel.title))
    made._id = hashlib.blake2b(content.encode(), digest_size=6).hexdigest()
    return made
