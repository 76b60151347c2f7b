"""Devices: one run at a time per GPU, across processes, and the others wait visibly or take the processor."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from engine import devices as engine_devices
from tests.app.builders import ready_dataset, submit
from workers import devices
from workers.devices import GPUS_VARIABLE, VISIBLE_VARIABLE, Device, DeviceLocks, Gpu, announce, known_gpus
from workers.jobs import do_run

ROOT = Path(__file__).resolve().parents[2]
FIRST, SECOND = Gpu("uuid-1", "Test GPU", "2"), Gpu("uuid/2", "Test GPU", "5")


def never(message):
    pytest.fail(f"nothing has to wait: {message}")


def locks_on(folder, *gpus, environment=None):
    return DeviceLocks(folder, gpus, {"OMP_NUM_THREADS": "3"} if environment is None else environment)


def test_without_a_gpu_a_run_computes_on_the_processor(tmp_path):
    with locks_on(tmp_path).held(wants_gpu=True, choice="wait", on_wait=never) as device:
        assert device == Device("cpu", "CPU, 3 threads")


def test_a_gpu_that_is_not_to_be_used_is_not_used(tmp_path):
    with locks_on(tmp_path, FIRST).held(wants_gpu=True, choice="off", on_wait=never) as device:
        assert device.engine_name == "cpu"


def test_every_run_has_a_gpu_of_its_own_and_sees_no_other(tmp_path):
    one, two = {}, {VISIBLE_VARIABLE: "2,5"}
    with locks_on(tmp_path, FIRST, SECOND, environment=one).held(wants_gpu=True, choice="wait", on_wait=never) as first:
        assert (first, one) == (Device("auto", "Test GPU"), {VISIBLE_VARIABLE: "2"})
        others = locks_on(tmp_path, FIRST, SECOND, environment=two)
        with others.held(wants_gpu=True, choice="wait", on_wait=never) as second:
            assert (second.engine_name, two) == ("auto", {VISIBLE_VARIABLE: "5"})
    assert (one, two) == ({}, {VISIBLE_VARIABLE: "2,5"})


@pytest.mark.parametrize(("wants_gpu", "choice"), [(True, "cpu"), (False, "wait")])
def test_where_all_are_in_use_a_run_takes_the_processor_where_it_may(tmp_path, wants_gpu, choice):
    environment = {}
    with locks_on(tmp_path, FIRST).held(wants_gpu=True, choice="wait", on_wait=never):
        others = locks_on(tmp_path, FIRST, environment=environment)
        with others.held(wants_gpu=wants_gpu, choice=choice, on_wait=never) as device:
            assert device.engine_name == "cpu"
            assert "every GPU is in use" in device.title
            assert environment == {VISIBLE_VARIABLE: ""}


def test_a_run_waits_until_the_gpu_is_free(tmp_path, monkeypatch):
    monkeypatch.setattr(devices, "SECONDS_BETWEEN_TRIES", 0.01)
    said = []
    free = threading.Event()
    first = locks_on(tmp_path, FIRST).held(wants_gpu=True, choice="wait", on_wait=never)
    first.__enter__()

    def on_wait(message):
        said.append(message)
        if len(said) == 3:
            first.__exit__(None, None, None)
            free.set()
        return True

    with locks_on(tmp_path, FIRST).held(wants_gpu=True, choice="wait", on_wait=on_wait) as device:
        assert free.is_set()
        assert device == Device("auto", "Test GPU")
    assert said == ["Waiting for a GPU: another run is using Test GPU."] * 3


def test_a_run_that_is_not_wanted_any_more_stops_waiting(tmp_path):
    with (
        locks_on(tmp_path, FIRST).held(wants_gpu=True, choice="wait", on_wait=never),
        locks_on(tmp_path, FIRST).held(wants_gpu=True, choice="wait", on_wait=lambda message: False) as device,
    ):
        assert device is None


@pytest.mark.integration
def test_a_killed_process_leaves_its_gpu(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from workers.devices import DeviceLocks, Gpu\n"
        f"locks = DeviceLocks(Path({str(tmp_path)!r}), (Gpu('uuid-1', 'Test GPU', '2'),))\n"
        "with locks.held(wants_gpu=True, choice='wait', on_wait=lambda message: False) as device:\n"
        "    print(device.engine_name, flush=True); time.sleep(60)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with holder:
        assert holder.stdout.readline() == "auto\n"
        busy = locks_on(tmp_path, FIRST)
        with busy.held(wants_gpu=True, choice="wait", on_wait=lambda message: False) as device:
            assert device is None
        holder.send_signal(signal.SIGKILL)
        holder.wait(20)
        with busy.held(wants_gpu=True, choice="wait", on_wait=never) as device:
            assert device.engine_name == "auto"


@pytest.fixture
def one_gpu(monkeypatch):
    """A worker that has found a GPU, of which the engine is told; the methods of the test want it."""
    monkeypatch.setenv(GPUS_VARIABLE, json.dumps([{"id": "uuid-1", "name": "Test GPU", "visible_as": "0"}]))
    monkeypatch.setenv(VISIBLE_VARIABLE, os.environ.get(VISIBLE_VARIABLE, ""))
    monkeypatch.setattr("engine.synthesizers.independent.IndependentSynthesizer.prefers_gpu", True)
    monkeypatch.setattr(devices, "SECONDS_BETWEEN_TRIES", 0.01)


def test_a_run_says_what_it_computes_on(services, owner, one_gpu):
    run = submit(services, owner, ready_dataset(services, owner))
    do_run(services, run.id)
    assert services.runs.get(owner, run.id).status == "done"
    assert "Computing on Test GPU" in [line.message for line in services.runs.progress(owner, run.id).log]


def test_a_run_that_waits_for_a_gpu_says_so_and_is_cancelled_for_free(services, settings, owner, one_gpu, monkeypatch):
    run = submit(services, owner, ready_dataset(services, owner))
    real = services.queue.save_progress
    seen = []

    def save_progress(run_id, **values):
        real(run_id, **values)
        seen.append((services.runs.progress(owner, run_id).message, services.runs.get(owner, run_id).ledger_state))
        if len(seen) == 2:
            services.runs.cancel(owner, run_id)

    monkeypatch.setattr(services.queue, "save_progress", save_progress)
    with locks_on(settings.data_dir / "gpus", FIRST).held(wants_gpu=True, choice="wait", on_wait=never):
        do_run(services, run.id)
    assert seen == [("Waiting for a GPU: another run is using Test GPU.", "reserved")] * 2
    ended = services.runs.get(owner, run.id)
    assert (ended.status, ended.ledger_state, ended.spent) == ("cancelled", "released", False)


def test_a_worker_without_signs_of_a_gpu_does_not_load_torch(monkeypatch):
    environment = {"OMP_NUM_THREADS": "1"}
    monkeypatch.setattr(devices, "has_signs", lambda: False)
    monkeypatch.setattr(devices, "find_gpus", lambda: pytest.fail("torch was asked"))
    with capture_logs() as said:
        assert announce("wait", environment) == known_gpus(environment) == ()
    assert [line["device"] for line in said] == ["CPU, 1 thread"]


def test_a_worker_tells_its_jobs_which_gpus_there_are(monkeypatch):
    environment = {}
    monkeypatch.setattr(devices, "has_signs", lambda: True)
    monkeypatch.setattr(devices, "find_gpus", lambda: (FIRST, SECOND))
    with capture_logs() as said:
        assert announce("wait", environment) == known_gpus(environment) == (FIRST, SECOND)
    assert [line["device"] for line in said] == ["Test GPU", "Test GPU"]
    assert announce("off", environment) == known_gpus(environment) == ()


@pytest.mark.slow
def test_torch_is_asked_in_a_process_of_its_own():
    import torch

    assert len(devices.find_gpus()) == (torch.cuda.device_count() if torch.cuda.is_available() else 0)


def test_a_machine_that_cannot_say_has_no_gpu(monkeypatch):
    monkeypatch.setattr(devices.sys, "executable", "/does/not/exist")
    assert devices.find_gpus() == ()


@pytest.mark.parametrize(("visible", "names"), [("", ["0", "1"]), ("3, 7", ["3", "7"])])
def test_gpus_are_named_as_the_process_sees_them(monkeypatch, visible, names):
    import torch

    class Properties:
        name, uuid = "Test GPU", "one"

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda number: Properties)
    found = engine_devices.list_gpus({VISIBLE_VARIABLE: visible})
    assert [gpu["visible_as"] for gpu in found] == names
    assert [Gpu(**gpu).id for gpu in found] == ["one", "one"]
