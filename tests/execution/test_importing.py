"""The garbage collector rests while libraries are imported, and works again afterwards."""

import gc

import pytest

from unroll.execution.importing import gc_paused


def test_the_collector_rests_while_libraries_are_imported() -> None:
    with gc_paused():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_the_collector_wakes_after_an_error() -> None:
    with pytest.raises(ImportError), gc_paused():
        raise ImportError
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with gc_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
