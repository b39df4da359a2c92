"""Targets: what is sent is right, private and closed to the world; mistakes are told before torch is imported."""

from __future__ import annotations

import ast
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest
from ruamel.yaml import YAML

from unroll.cluster import Submission, load_way, way_names
from unroll.contract import UserError
from unroll.study import Resources
from unroll.workflow.submitting import read_target

ROOT = Path(__file__).parents[2]
SMALLEST = {
    "ray": "address: http://head.example.org:8265",
    "slurm": "time: 12:00:00\ncpus: 4\nnodes: 2\ngpus: 1",
    "slurm_array": "time: 1-00:00:00\ntrials_per_job: 5\nat_once: 20",
    "kubernetes": "image: example.org/unroll:1\nclaim: results",
    "ssh": "hosts: [ada@one, two]",
}
WORLD = re.compile(r"0\.0\.0\.0|::/0|/0\b|--dashboard-host")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "studies" / "small").mkdir(parents=True)
    (tmp_path / "studies" / "small" / "study.yaml").write_text(
        "question: Does gating help?\ntask: language_modeling\nsettings: {data: {corpus: toy_language}}\n"
        "compare: {network.cell: [elman, lstm]}\nseeds: 2\n",
        encoding="utf-8",
    )
    (tmp_path / "tasks").symlink_to(ROOT / "tasks")
    (tmp_path / "clusters").mkdir()
    for kind, keys in SMALLEST.items():
        text = f"kind: {kind}\nresults: /mnt/all of us/results\n{keys}\n"
        (tmp_path / "clusters" / f"{kind}.yaml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def sent(**changes: object) -> Submission:
    fields: dict[str, object] = {
        "study": "small",
        "overrides": ("training.epochs=1", "network.cell=lstm,gru; rm -rf $HOME"),
        "name": "0003",
        "mark": "00ff00",
        "results": PurePosixPath("/mnt/all of us/results/small"),
        "project": "/home/ada/it's here",
        "resources": Resources(cpus=0.5, gpus=0.25),
        "shares": 4,
    }
    return Submission(**(fields | changes))  # type: ignore[arg-type]


def scripts(kind: str, files: dict[str, str]) -> list[str]:
    """Every text of a shell in what is sent."""
    if kind == "ray":
        return [shlex.split(json.loads(files["job.json"])["entrypoint"])[2]]
    if kind == "kubernetes":
        return [shlex.split(YAML(typ="safe", pure=True).load(files["rayjob.yaml"])["spec"]["entrypoint"])[2]]
    return list(files.values())


def test_every_way_has_a_smallest_target_here() -> None:
    assert way_names() == sorted(SMALLEST)


@pytest.mark.parametrize("kind", sorted(SMALLEST))
def test_what_is_sent_is_bash_that_runs_the_study_and_nothing_else(kind: str, project: Path) -> None:
    del project
    files = dict(read_target(kind).render(sent()))
    for text in scripts(kind, files):
        subprocess.run(["bash", "-n"], input=text, text=True, check=True)
        assert "set -euo pipefail" in text
        assert "umask 077" in text
        # A shell that reads it finds the override as one word, whatever is in it.
        seen = text.replace("'\"'\"'", "'") if kind == "slurm" else text
        assert "'network.cell=lstm,gru; rm -rf $HOME'" in seen
        assert "/mnt/all of us/results/small" in text
        assert not WORLD.search(text)
    assert not any(WORLD.search(text) for text in files.values())


@pytest.mark.parametrize("kind", ["slurm", "slurm_array"])
def test_a_job_of_slurm_asks_for_what_it_uses(kind: str, project: Path) -> None:
    del project
    first = next(iter(read_target(kind).render(sent()).values()))
    asked = set(re.findall(r"^#SBATCH (\S+)", first, re.MULTILINE))
    if kind == "slurm":
        assert {"--nodes=2", "--ntasks-per-node=1", "--cpus-per-task=4", "--gpus-per-node=1", "--exclusive"} <= asked
        assert "RAY_AUTH_MODE=token" in first
        assert 'ray symmetric-run --address "$head" --min-nodes "$SLURM_JOB_NUM_NODES" --num-cpus 4' in first
    else:
        assert {"--array=0-3%20", "--cpus-per-task=1", "--gpus=1", "--requeue"} <= asked
        assert "--runner inline --no-report --share 0003/$SLURM_ARRAY_TASK_ID" in first
    assert {"--signal=B:TERM@120", "--job-name=unroll-small-0003-00ff00"} <= asked


def test_one_node_of_slurm_needs_no_cluster(project: Path) -> None:
    (project / "clusters" / "slurm.yaml").write_text("kind: slurm\nresults: /r\ntime: 1:00:00\ncpus: 8\n")
    (text,) = read_target("slurm").render(sent()).values()
    assert "srun unroll run small" in text
    assert "ray symmetric-run" not in text


def test_a_rayjob_has_what_kuberay_asks_for(project: Path) -> None:
    """Field names as of the reference of ray.io/v1 (KubeRay 1.5.1 and later)."""
    del project
    job = YAML(typ="safe", pure=True).load(read_target("kubernetes").render(sent())["rayjob.yaml"])
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", job["metadata"]["name"])
    known = {"entrypoint", "submissionMode", "shutdownAfterJobFinishes", "ttlSecondsAfterFinished", "backoffLimit"}
    assert job["spec"].keys() == known | {"activeDeadlineSeconds", "rayClusterSpec"}
    cluster = job["spec"]["rayClusterSpec"]
    assert cluster["authOptions"] == {"mode": "token"}
    assert cluster["rayVersion"] == "2.60.0"
    (workers,) = cluster["workerGroupSpecs"]
    assert workers["minReplicas"] == 0
    for group in (cluster["headGroupSpec"], workers):
        (container,) = group["template"]["spec"]["containers"]
        assert container["resources"]["limits"] == container["resources"]["requests"]
        assert container["volumeMounts"] == [{"name": "results", "mountPath": "/mnt/unroll"}]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("kind: slrm", ["1: kind: the kind of a target must be known (received 'slrm'); did you mean 'slurm'?"]),
        ("results: /r", ["the kind of a target must be known (received None)"]),
        (
            "kind: slurm\nresults: here\ntime: 3\nnode: 3\nenvironment: {WANDB_API_KEY: x}",
            [
                "cpus: is required",
                "2: results: must be an absolute path, the same on every node (received 'here')",
                "3: time: must be a string (received 3)",
                "4: node: unknown key; did you mean 'nodes'?",
                "5: environment: must hold no secret such as WANDB_API_KEY, which belongs into a file of the nodes",
            ],
        ),
        (
            'kind: ssh\nresults: /r\nhosts: ["-oProxyCommand=x"]',
            ["3: hosts[0]: must be one word of letters, digits and ._:@-"],
        ),
        ('kind: ssh\nresults: /r\nhosts: [a]\nsetup: ["a\\nb"]', ["4: setup[0]: must be one line of text"]),
        ("kind: ray\nresults: /r\naddress: head:8265", ["3: address: must be the address of Ray's dashboard"]),
        ("- kind", ["must be a mapping of keys"]),
    ],
)
def test_mistakes_are_told_with_their_lines(text: str, lines: list[str], project: Path) -> None:
    (project / "clusters" / "mine.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        read_target("mine")
    found = str(caught.value).splitlines()
    assert len(found) == len(lines), found
    for one, expected in zip(found, lines, strict=True):
        assert expected in one


def test_a_target_that_is_not_there_is_named(project: Path) -> None:
    del project
    with pytest.raises(UserError, match="did you mean 'kubernetes'"):
        read_target("kubernets")


@pytest.mark.parametrize("words", [["small", "seeds=0", "--on", "slurm"], ["small", "--on", "slrm"]])
def test_a_mistake_costs_no_import_of_torch(words: list[str], project: Path) -> None:
    code = (
        "import sys\nfrom unroll.cli.main import main\n"
        f"try:\n    main(['submit', *{words!r}])\n"
        "except SystemExit as end:\n    print(end.code, sorted({'torch', 'ray', 'polars'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=True)
    code_, loaded = done.stdout.splitlines()[-1].split(" ", 1)
    assert (int(code_), ast.literal_eval(loaded)) == (2, [])
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("kind", sorted(SMALLEST))
def test_a_way_says_what_each_of_its_keys_is(kind: str) -> None:
    fields = load_way(kind).model_fields
    assert all(field.description for name, field in fields.items() if name != "kind")


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand-ins for the programs that reach a place: each writes down how it was called and with what input."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in ("ssh", "kubectl"):
        text = f'#!/bin/sh\nprintf "%s\\n" "$@" >> "{folder}/{name}.words"\ncat >> "{folder}/{name}.input"\n'
        (folder / name).write_text(text, encoding="utf-8")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


def test_kubectl_is_handed_the_manifest(project: Path, programs: Path) -> None:
    del project
    target, files = read_target("kubernetes"), read_target("kubernetes").render(sent())
    assert target.send(sent(), files) == "unroll-small-0003-00ff00"
    assert (programs / "kubectl.words").read_text().split() == ["apply", "--filename", "-"]
    assert (programs / "kubectl.input").read_text() == files["rayjob.yaml"]
    taken_back = ["kubectl", "delete", "rayjob", "--namespace", "default", "unroll-small-0003-00ff00"]
    assert target.cancel("unroll-small-0003-00ff00") == taken_back


def test_every_machine_is_started_over_ssh_and_the_first_has_the_script(project: Path, programs: Path) -> None:
    del project
    target, files = read_target("ssh"), read_target("ssh").render(sent())
    assert target.send(sent(), files) == "ada@one"
    assert (programs / "ssh.input").read_text() == files["node.sh"]
    words = (programs / "ssh.words").read_text().splitlines()
    assert [word for word in words if word in ("ada@one", "two")] == ["ada@one", "ada@one", "two"]
    started = [word for word in words if "setsid nohup" in word]
    assert ["driver.log" in word for word in started] == [True, False]
    assert all(shlex.split(word)[2] == "/mnt/all of us/results/small/submissions/0003/node.sh" for word in started)
    assert not target.cancel("ada@one")


def test_a_program_that_is_not_here_or_fails_is_told_in_its_own_words(project: Path, programs: Path) -> None:
    (project / "clusters" / "slurm.yaml").write_text("kind: slurm\nresults: /r\ntime: 1:00:00\ncpus: 8\n")
    target = read_target("slurm")
    with pytest.raises(UserError, match="the program sbatch must be here"):
        target.send(sent(), target.render(sent()))
    (programs / "sbatch").write_text("#!/bin/sh\necho 'sbatch: error: invalid partition' >&2; exit 1\n")
    (programs / "sbatch").chmod(0o755)
    with pytest.raises(UserError, match=r"must accept what is sent \(received sbatch: error: invalid partition\)"):
        target.send(sent(), target.render(sent()))


def test_a_limit_of_the_target_reaches_the_run(project: Path) -> None:
    with (project / "clusters" / "ray.yaml").open("a", encoding="utf-8") as file:
        file.write("concurrency: 3\nenvironment: {OMP_NUM_THREADS: '2'}\n")
    (text,) = read_target("ray").render(sent()).values()
    assert "--address auto --concurrency 3" in text
    assert json.loads(text)["runtime_env"] == {"env_vars": {"OMP_NUM_THREADS": "2"}}


PAGE = (ROOT / "docs" / "clusters.md").read_text(encoding="utf-8")
SHOWN = dict(re.findall(r"```yaml\n# clusters/(\w+)\.yaml\n(.*?)```", PAGE, re.DOTALL))


def test_the_page_shows_every_way() -> None:
    assert sorted(YAML(typ="safe", pure=True).load(text)["kind"] for text in SHOWN.values()) == way_names()


@pytest.mark.parametrize("name", sorted(SHOWN))
def test_a_target_of_the_page_is_one(name: str, project: Path) -> None:
    (project / "clusters" / f"{name}.yaml").write_text(SHOWN[name], encoding="utf-8")
    assert read_target(name).render(sent())
