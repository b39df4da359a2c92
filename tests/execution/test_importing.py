"""The garbage collector rests while libraries are imported, and works again afterwards."""

import gc

import pytest

from unroll.execution.importing import uncollected


def test_the_collector_rests_and_wakes_even_after_an_error() -> None:
    with pytest.raises(ImportError), uncollected():
        assert not gc.isenabled()
        raise ImportError
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
