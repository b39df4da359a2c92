"""No secret travels to a worker in a runtime environment."""

import pytest

from unroll.execution.connection import withhold_keys


class Nothing:
    """Stands for a trainable."""


def test_tune_does_not_copy_cloud_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    from ray.tune.execution import class_cache

    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
    withhold_keys()
    actor = class_cache._ActorClassCache().get(Nothing)
    assert "canary" not in str(actor._default_options["runtime_env"])
