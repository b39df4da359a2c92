"""Whether W&B answers and a key is configured: checked before a run is opened, since wandb itself waits for minutes."""

from __future__ import annotations

import netrc
import os
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from unroll.tracking.deadline import within

if TYPE_CHECKING:
    import wandb

PROBE_SECONDS = 3.0
REMEMBERED_SECONDS = 60.0
"""How long an answer holds: hundreds of short trials in one process ask once a minute."""

_answers: dict[str, tuple[float, bool]] = {}


def has_credentials() -> bool:
    """Whether wandb would find a key (environment, its settings or ``~/.netrc``). The key itself goes nowhere."""
    settings = _settings()
    return bool(settings.api_key or settings.identity_token_file or _netrc_key(urlsplit(settings.base_url).hostname))


def key() -> str | None:
    """The key that wandb would use; None where there is none. Never print it, write it or pass it on."""
    settings = _settings()
    return str(settings.api_key) if settings.api_key else _netrc_key(urlsplit(settings.base_url).hostname)


def mode() -> str:
    """What ``WANDB_MODE`` or wandb's settings say: "online" where nothing does."""
    return str(_settings().mode or "online")


def address() -> str:
    """W&B's address, without a name or password that may stand in it."""
    parts = urlsplit(str(_settings().base_url))
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/")


def is_reachable() -> bool:
    """Whether W&B's address answers sensibly within :data:`PROBE_SECONDS`; remembered for a minute."""
    url = str(_settings().base_url)
    # time.monotonic may begin at any number, also close to 0: an address that was never asked for is asked now.
    asked, answer = _answers.get(url, (-REMEMBERED_SECONDS, False))
    if time.monotonic() - asked >= REMEMBERED_SECONDS:
        answer = _answers_sensibly(url)
        _answers[url] = (time.monotonic(), answer)
    return answer


def find_obstacle() -> str | None:
    """Why an online run cannot be opened now; None where it can."""
    if not has_credentials():
        return "W&B: no key is configured; this run is kept on disk"
    return None if is_reachable() else "W&B: not reachable; this run is kept on disk"


def mark_unreachable() -> None:
    """Take W&B as unreachable for the next minute: it answered the probe and then failed a run."""
    _answers[str(_settings().base_url)] = (time.monotonic(), False)


def _settings() -> wandb.Settings:
    """Settings from wandb's environment variables and files; unlike ``wandb.setup`` this starts no service."""
    import wandb

    settings = wandb.Settings()
    folder = Path(os.environ.get("WANDB_CONFIG_DIR", "~/.config/wandb")).expanduser()
    settings.settings_system = str(folder / "settings")
    # In wandb's own order: variables of the environment win over files.
    settings.update_from_system_settings()
    settings.update_from_env_vars(dict(os.environ))
    return settings


def _netrc_key(host: str | None) -> str | None:
    try:
        known = netrc.netrc(os.environ.get("NETRC")).hosts
    except (OSError, netrc.NetrcParseError):
        return None
    return known[host][2] if host in known else None


def _answers_sensibly(url: str) -> bool:
    """A refusal such as 401 or 404 is an answer; 500 and silence are not."""
    if urlsplit(url).scheme not in {"http", "https"}:
        return False
    try:
        return within(PROBE_SECONDS, lambda: _status(url)) < 500
    except Exception:
        return False


def _status(url: str) -> int:
    try:
        with urllib.request.urlopen(f"{url}/graphql", timeout=PROBE_SECONDS) as response:  # noqa: S310 (scheme checked above)
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
