"""Which process this is, by TF_CONFIG."""

from __future__ import annotations

import json

import pytest

from rnntext.errors import UsageError
from rnntext.train.tf_config import Place, place

TWO = ["a:1", "b:2"]


@pytest.fixture
def at(monkeypatch):
    """The place that a TF_CONFIG gives."""

    def place_of(config):
        monkeypatch.setenv("TF_CONFIG", config if isinstance(config, str) else json.dumps(config))
        return place()

    return place_of


def config(kind="worker", index=0, **cluster):
    return {"cluster": cluster, "task": {"type": kind, "index": index}}


@pytest.mark.parametrize(
    "alone", ["", " ", "{}", '{"task": {}}', config(worker=["a:1"]), config("chief", chief=["a:1"], worker=[])]
)
def test_nobody_else_is_there(at, alone):
    assert at(alone) is None


def test_without_it_a_process_is_alone(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert place() is None


@pytest.mark.parametrize(
    ("several", "rank", "addresses"),
    [
        (config("worker", 0, worker=TWO), 0, ("a:1", "b:2")),
        (config("worker", 1, worker=TWO), 1, ("a:1", "b:2")),
        (config("worker", "1", worker=TWO), 1, ("a:1", "b:2")),
        (config("worker", 0, worker=TWO, chief=["c:3"]), 1, ("c:3", "a:1", "b:2")),
        (config("chief", 0, worker=TWO, chief=["c:3"], ps=[]), 0, ("c:3", "a:1", "b:2")),
        ({**config("worker", 1, worker=TWO), "environment": "cloud"}, 1, ("a:1", "b:2")),
    ],
)
def test_the_chief_is_the_first_one(at, several, rank, addresses):
    assert at(several) == Place(rank, addresses)


@pytest.mark.parametrize(
    ("malformed", "reason"),
    [
        ("{", "Expecting"),
        ("[1]", "no attribute"),
        ("7", "no attribute"),
        ('{"cluster": 3}', "no attribute"),
        (config(worker="a:1"), "worker is not a list"),
        (config(worker=["a:1", 5]), "5 is not HOST:PORT"),
        (config(worker=["a:1", "b"]), "'b' is not HOST:PORT"),
        (config(worker=["a:1", "a:1"]), "the same address"),
        (config(chief=TWO), "more than one chief"),
        (config(worker=TWO, ps=["p:1"]), "a ps has no part"),
        (config("evaluator", 0, worker=TWO), "not in list"),
        (config("worker", 2, worker=TWO), "not in list"),
        ({"cluster": {"worker": TWO}}, "'task' is missing"),
        ({"cluster": {"worker": TWO}, "task": {"type": "worker"}}, "'index' is missing"),
        ({"cluster": {"worker": TWO}, "task": {"type": "worker", "index": None}}, "int()"),
    ],
)
def test_what_is_malformed_is_refused_in_a_line(at, malformed, reason):
    with pytest.raises(UsageError, match=r"^TF_CONFIG: not ") as refused:
        at(malformed)
    assert reason in str(refused.value)
