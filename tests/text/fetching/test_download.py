"""One file from a server on loopback: whole and verified, or one clear error."""

from __future__ import annotations

import hashlib
import json
import random
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.text.fetching import File
from tasks.text.fetching.download import download
from tests.text.fetching.shelf import Page, Shelf
from unroll.contract import Fetching, UserError

CONTENT = random.Random(0).randbytes(300_000)  # more than what is read at a time
SHA = hashlib.sha256(CONTENT).hexdigest()


def wanted(*urls: str, **options: Any) -> File:
    return File(**{"name": "file", "urls": urls, "sha256": SHA, **options})


def get(folder: Path, want: File) -> bytes:
    return download(want, folder, lambda fetching: None).read_bytes()


def refused(folder: Path, want: File) -> str:
    with pytest.raises(UserError) as raised:
        get(folder, want)
    return str(raised.value)


def test_a_file_is_fetched_and_its_progress_told(shelf: Shelf, tmp_path: Path) -> None:
    seen: list[Fetching] = []
    path = download(wanted(shelf.put("/f", CONTENT)), tmp_path, seen.append)
    assert path.read_bytes() == CONTENT
    assert [each.here for each in seen] == sorted(each.here for each in seen)
    assert seen[-1] == Fetching(file="file", here=len(CONTENT), whole=len(CONTENT))


def test_nothing_is_told_about_who_asks(shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login me password secret")
    monkeypatch.setenv("NETRC", str(netrc))
    get(tmp_path, wanted(shelf.put("/f", CONTENT)))
    ((_, headers),) = shelf.asked
    assert "authorization" not in headers
    assert headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("version", [{"etag": '"v1"'}, {"etag": "", "modified": "Thu, 19 Nov 2026 10:00:00 GMT"}])
def test_broken_connections_are_gone_on_with(shelf: Shelf, tmp_path: Path, version: dict[str, str]) -> None:
    url = shelf.put("/f", CONTENT, breaks=[100_000, 70_000, 0], **version)
    assert get(tmp_path, wanted(url)) == CONTENT
    assert shelf.ranges() == [None, "bytes=100000-", "bytes=170000-", "bytes=170000-"]


@pytest.mark.parametrize("etag", ["", 'W/"weak"'])
def test_without_a_version_it_begins_anew(shelf: Shelf, tmp_path: Path, etag: str) -> None:
    assert get(tmp_path, wanted(shelf.put("/f", CONTENT, breaks=[100_000], etag=etag))) == CONTENT
    assert shelf.ranges() == [None, None]


def test_a_server_that_ignores_ranges_gives_the_whole(shelf: Shelf, tmp_path: Path) -> None:
    assert get(tmp_path, wanted(shelf.put("/f", CONTENT, breaks=[100_000], ranges=False))) == CONTENT


def test_another_process_goes_on(shelf: Shelf, tmp_path: Path) -> None:
    url = shelf.put("/f", CONTENT, breaks=[100_000, 0, 0, 0])
    assert "100,000 bytes are kept, run the command again to go on" in refused(tmp_path, wanted(url))
    shelf.asked.clear()
    assert get(tmp_path, wanted(url)) == CONTENT
    assert shelf.ranges() == ["bytes=100000-"]


def test_a_whole_download_is_not_fetched_again(shelf: Shelf, tmp_path: Path) -> None:
    url = shelf.put("/f", CONTENT)
    get(tmp_path, wanted(url))
    get(tmp_path, wanted(url))
    assert len(shelf.asked) == 1


def test_a_new_version_is_fetched_from_its_beginning(shelf: Shelf, tmp_path: Path) -> None:
    url = shelf.put("/f", b"old" * 100_000, breaks=[100_000, 0, 0, 0])
    refused(tmp_path, wanted(url))
    shelf.put("/f", CONTENT, etag='"v2"')
    assert get(tmp_path, wanted(url)) == CONTENT


def test_a_file_that_became_shorter_is_fetched_from_its_beginning(shelf: Shelf, tmp_path: Path) -> None:
    url = shelf.put("/f", b"x" * 400_000, breaks=[350_000, 0, 0, 0])
    refused(tmp_path, wanted(url))
    shelf.put("/f", CONTENT)  # of the same version, though
    assert get(tmp_path, wanted(url)) == CONTENT


def test_a_range_that_was_not_asked_for_is_no_continuation(shelf: Shelf, tmp_path: Path) -> None:
    assert get(tmp_path, wanted(shelf.put("/f", CONTENT, breaks=[100_000], skew=5))) == CONTENT
    assert shelf.ranges() == [None, "bytes=100000-", None]


@pytest.mark.parametrize("note", ["", "{", "[]", '{"url": "http://elsewhere/f", "validator": "x"}', "[" * 99_999])
def test_a_torn_note_means_a_new_beginning(shelf: Shelf, tmp_path: Path, note: str) -> None:
    url = shelf.put("/f", CONTENT, breaks=[100_000, 0, 0, 0])
    refused(tmp_path, wanted(url))
    (noted,) = tmp_path.glob("*.json")
    assert json.loads(noted.read_text())["url"] == url
    noted.write_text(note)
    assert get(tmp_path, wanted(url)) == CONTENT


def test_a_wrong_hash_names_both_and_is_forgotten(shelf: Shelf, tmp_path: Path) -> None:
    url, other = shelf.put("/f", b"other"), hashlib.sha256(b"other").hexdigest()
    assert refused(tmp_path, wanted(url)) == f"{url}: the file must have the sha256 {SHA} (received {other})"
    assert not list(tmp_path.iterdir())


def test_the_next_address_is_tried(shelf: Shelf, tmp_path: Path) -> None:
    urls = shelf.put("/wrong", b"other"), f"{shelf.address}/absent", shelf.put("/f", CONTENT)
    assert get(tmp_path, wanted(*urls)) == CONTENT
    lines = refused(tmp_path, wanted(*urls[:2])).splitlines()
    assert len(lines) == 2
    assert lines[1] == f"{urls[1]}: the server must give the file (received 404 Not Found)"


def test_servers_may_be_busy_for_a_moment(shelf: Shelf, tmp_path: Path) -> None:
    assert get(tmp_path, wanted(shelf.put("/f", CONTENT, statuses=[503, 429]))) == CONTENT
    url = shelf.put("/g", CONTENT, statuses=[500] * 9)
    assert "received 500" in refused(tmp_path, wanted(url))


@pytest.mark.parametrize("length", [len(CONTENT) + 10, len(CONTENT) - 10])
def test_a_wrong_length_never_makes_a_whole_file(shelf: Shelf, tmp_path: Path, length: int) -> None:
    message = refused(tmp_path, wanted(shelf.put("/f", CONTENT, length=length, etag="")))
    assert "must give the file" in message or "must have the sha256" in message


def test_a_length_need_not_be_told(shelf: Shelf, tmp_path: Path) -> None:
    assert get(tmp_path, wanted(shelf.put("/f", CONTENT, length=-1))) == CONTENT
    url = shelf.put("/g", CONTENT, length=-1, breaks=[1000, 1000])
    assert "the file must have 300,000 bytes (received 1,000)" in refused(tmp_path, wanted(url, bytes=300_000))


def test_what_is_larger_than_promised_is_not_stored(shelf: Shelf, tmp_path: Path) -> None:
    message = "the file must have 1,000 bytes (received 300,000)"
    assert message in refused(tmp_path, wanted(shelf.put("/f", CONTENT), bytes=1000))
    message = "the file must have 1,000 bytes (received more than 1,000)"
    assert message in refused(tmp_path, wanted(shelf.put("/f", CONTENT, length=-1), bytes=1000))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/f", "gopher://x/", "data:text/plain,x"])
def test_a_redirect_leads_to_http_or_nowhere(shelf: Shelf, tmp_path: Path, target: str) -> None:
    message = refused(tmp_path, wanted(shelf.put("/f", location=target)))
    assert "a download must stay with http and https" in message
    assert target.partition(":")[0] in message
    assert not list(tmp_path.iterdir())


def test_redirects_are_followed_but_not_for_ever(shelf: Shelf, tmp_path: Path) -> None:
    shelf.put("/f", CONTENT)
    assert get(tmp_path, wanted(shelf.put("/moved", location="/f"))) == CONTENT
    assert "without many redirects" in refused(tmp_path, wanted(shelf.put("/loop", location="/loop")))


def test_a_server_that_says_nothing_is_not_waited_for(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.text.fetching.download._TIMEOUT", (0.1, 0.1))
    assert "timed out" in refused(tmp_path, wanted(shelf.put("/f", CONTENT, stalls=0.5)))


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second instead of a minute, and at least 1,024 bytes in it; the server's drips are a tenth of that."""
    monkeypatch.setattr("tasks.text.fetching.download._WINDOW", 0.5)
    monkeypatch.setattr("tasks.text.fetching.download._SLOWEST", 2048)


@pytest.mark.usefixtures("hurried")
def test_a_download_that_drips_is_cut_off_and_gone_on_with(shelf: Shelf, tmp_path: Path) -> None:
    assert get(tmp_path, wanted(shelf.put("/f", CONTENT, drips=[100_000]))) == CONTENT
    first, *_, last = shelf.ranges()
    assert first is None
    assert 100_000 <= int(str(last).removeprefix("bytes=").removesuffix("-")) < 150_000


@pytest.mark.usefixtures("hurried")
def test_a_server_that_only_drips_is_given_up_and_what_came_is_kept(shelf: Shelf, tmp_path: Path) -> None:
    url = shelf.put("/f", CONTENT, drips=[5_000, 10, 10, 10])
    message = refused(tmp_path, wanted(url))
    assert "bytes in 0.5 seconds, less than 2,048 a second); is there a network" in message
    assert "bytes are kept, run the command again to go on" in message
    assert len(shelf.asked) == 3, "bytes that drip are no progress"
    shelf.pages["/f"].drips.clear()
    shelf.asked.clear()
    assert get(tmp_path, wanted(url)) == CONTENT
    (asked,) = shelf.ranges()
    assert int(str(asked).removeprefix("bytes=").removesuffix("-")) > 5_000


@pytest.mark.usefixtures("hurried")
def test_another_server_is_asked_where_one_drips(shelf: Shelf, tmp_path: Path) -> None:
    slow, quick = shelf.put("/slow", CONTENT, drips=[0, 0, 0]), shelf.put("/quick", CONTENT)
    assert get(tmp_path, wanted(slow, quick)) == CONTENT


@pytest.mark.usefixtures("hurried")
def test_an_answer_whose_head_drips_is_not_waited_for(shelf: Shelf, tmp_path: Path) -> None:
    message = refused(tmp_path, wanted(shelf.put("/f", CONTENT, head=0.005)))
    assert "(received no answer within 0.5 seconds)" in message


def test_the_proxy_of_the_environment_is_asked(shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", shelf.address)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    shelf.pages["http://corpora.invalid/f"] = Page(CONTENT)
    assert get(tmp_path, wanted("http://corpora.invalid/f")) == CONTENT


@given(
    breaks=st.lists(st.integers(0, 3000), max_size=6),
    etag=st.sampled_from(["", '"v1"', 'W/"v1"']),
    ranges=st.booleans(),
    skew=st.sampled_from([0, 0, -1, 7]),
    length=st.sampled_from([None, None, -1, 2999, 3001]),
    statuses=st.lists(st.sampled_from([500, 503, 429, 404, 204, 206, 416]), max_size=2),
    size=st.sampled_from([None, 3000]),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_server_does_a_file_is_right_or_refused(
    shelf: Shelf, tmp_path_factory: pytest.TempPathFactory, size: int | None, **page: Any
) -> None:
    folder, small = tmp_path_factory.mktemp("parts"), CONTENT[:3000]
    want = wanted(shelf.put("/f", small, **page), sha256=hashlib.sha256(small).hexdigest(), bytes=size)
    for _ in range(2):  # the second time, it goes on with what the first one left
        with suppress(UserError):
            assert get(folder, want) == small
    shelf.put("/f", small, etag='"v2"')
    assert get(folder, want) == small


def test_no_server_is_one_line(shelf: Shelf, tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/f"
        message = refused(tmp_path, wanted(url))
    assert message.startswith(f"{url}: the server must give the file (received Connection refused)")
    assert "HTTPS_PROXY" in message
    assert "\n" not in message
