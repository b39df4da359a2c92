"""Kubernetes with KubeRay: a ``RayJob``, which makes its own Ray cluster and ends it."""

from __future__ import annotations

import io
import shlex
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Annotated, Any, Literal

from pydantic import Field

from unroll.cluster.programs import call
from unroll.cluster.submission import Submission, line, logged, script
from unroll.cluster.target import Line, Target, begin

ADVICE = "install kubectl and set it up for the cluster, or apply by hand what --dry-run shows"
Quantity = Annotated[str, Field(pattern=r"^\d+(\.\d+)?(m|Ki|Mi|Gi|Ti|k|M|G|T)?$")]
Label = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$")]


class Way(Target):
    """``kind: kubernetes``."""

    kind: Literal["kubernetes"]
    namespace: Label = Field(default="default", description="Namespace of the job.")
    image: Annotated[Line, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@-]*$")] = Field(
        description="Image with Unroll, the project and Ray's own version in it."
    )
    claim: Label = Field(description="PersistentVolumeClaim (ReadWriteMany) that holds the results.")
    mount: Line = Field(default="/mnt/unroll", pattern=r"^/[A-Za-z0-9._/-]+$", description="Where it is mounted.")
    workers: int = Field(default=1, ge=1, le=10_000, description="Most worker pods; they exist while trials wait.")
    cpus: int = Field(default=4, ge=1, description="CPU cores of a worker pod.")
    gpus: int = Field(default=0, ge=0, le=64, description="GPUs of a worker pod.")
    memory: Quantity = Field(default="16Gi", description="Memory of a worker pod.")
    hours: float = Field(default=72.0, gt=0, le=8760, description="After so many hours the job is ended.")

    def render(self, submission: Submission) -> Mapping[str, str]:
        """One manifest of kind ``RayJob``."""
        from ruamel.yaml import YAML

        text = io.StringIO()
        yaml = YAML(typ="safe", pure=True)
        yaml.default_flow_style, yaml.sort_base_mapping_type_on_output = False, False  # type: ignore[assignment]
        yaml.dump(self._manifest(submission), text)
        return {"rayjob.yaml": text.getvalue()}

    def _manifest(self, submission: Submission) -> dict[str, Any]:
        made = f"mkdir -p {shlex.quote(str(submission.folder))}"
        run = logged(line(submission.command("--address", "auto")), submission)
        text = script(begin(self, submission), made, run)
        return {
            "apiVersion": "ray.io/v1",
            "kind": "RayJob",
            "metadata": {"name": submission.job, "namespace": self.namespace, "labels": {"app": "unroll"}},
            "spec": {
                "entrypoint": f"bash -c {shlex.quote(text)}",
                "submissionMode": "K8sJobMode",
                "shutdownAfterJobFinishes": True,
                "ttlSecondsAfterFinished": 600,
                "activeDeadlineSeconds": round(3600 * self.hours),
                "backoffLimit": 3,  # a head that died is made anew, and the same command goes on
                "rayClusterSpec": {
                    "rayVersion": version("ray"),
                    "authOptions": {"mode": "token"},
                    "enableInTreeAutoscaling": True,
                    "headGroupSpec": {
                        "rayStartParams": {"num-cpus": "0"},  # no trial beside the driver
                        "template": self._pod("ray-head", {"cpu": "2", "memory": "8Gi"}),
                    },
                    "workerGroupSpecs": [
                        {
                            "groupName": "trials",
                            "replicas": 0,
                            "minReplicas": 0,
                            "maxReplicas": self.workers,
                            "rayStartParams": {},
                            "template": self._pod("ray-worker", self._of_a_worker()),
                        }
                    ],
                },
            },
        }

    def _of_a_worker(self) -> dict[str, str]:
        gpus = {"nvidia.com/gpu": str(self.gpus)} if self.gpus else {}
        return {"cpu": str(self.cpus), "memory": self.memory, **gpus}

    def _pod(self, name: str, resources: Mapping[str, str]) -> dict[str, Any]:
        container = {
            "name": name,
            "image": self.image,
            "resources": {"limits": dict(resources), "requests": dict(resources)},
            "volumeMounts": [{"name": "results", "mountPath": self.mount}],
            "securityContext": {"allowPrivilegeEscalation": False},
        }
        volume = {"name": "results", "persistentVolumeClaim": {"claimName": self.claim}}
        return {"spec": {"containers": [container], "volumes": [volume]}}

    def send(self, submission: Submission, files: Mapping[str, str]) -> str:
        """Hand the manifest to ``kubectl``. Raises as the base says."""
        call(["kubectl", "apply", "--filename", "-"], advice=ADVICE, input=files["rayjob.yaml"])
        return submission.job

    def cancel(self, handle: str) -> Sequence[str]:
        """See the base."""
        return ["kubectl", "delete", "rayjob", "--namespace", self.namespace, handle]
