"""How TensorFlow is brought up: quietly, unless it fails. Stand-ins for TensorFlow and Keras make most of this fast."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

TALKS = "import os; os.write(2, b'chatter of C++\\n')\n"
CONFIG = """
class config:
    list_logical_devices = lambda: {}
    class optimizer: set_experimental_options = lambda options: None
"""
TENSORFLOW = TALKS + CONFIG.format("os.write(2, b'chatter of a device\\n')")
SILENT = CONFIG.format("None")
KERAS = """
class config: set_floatx = lambda name: None
class utils: set_random_seed = lambda seed: print('seed', seed)
"""
START = "from rnntext.train import tensorflow; tensorflow.start(7)\n"


@pytest.fixture
def python(tmp_path):
    """Runs a program where `import tensorflow` and `import keras` find the modules given, if any."""

    def run(program: str, modules=(), closed_stderr=False, **environment: str) -> subprocess.CompletedProcess:
        for name, source in dict(modules).items():
            (tmp_path / f"{name}.py").write_text(source)
        command = [sys.executable, "-c", program]
        if closed_stderr:
            command = ["sh", "-c", '"$@" 2>&-', "sh", *command]
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("TF_", "KERAS_"))}
        paths = os.pathsep.join([str(tmp_path), *sys.path])
        return subprocess.run(command, capture_output=True, text=True, env={**kept, **environment, "PYTHONPATH": paths})

    return run


def test_the_real_tensorflow_comes_up_without_a_word_and_as_we_need_it(python, tmp_path):
    (tmp_path / ".keras").mkdir()
    others = {"floatx": "float16", "epsilon": 1e-7, "backend": "torch", "image_data_format": "channels_last"}
    (tmp_path / ".keras" / "keras.json").write_text(json.dumps(others))
    program = START + "import keras; print(keras.backend.backend(), keras.ops.zeros(1).dtype)"
    done = python(program, TF_CPP_MIN_LOG_LEVEL="0", HOME=str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "tensorflow <dtype: 'float32'>\n", "")


def test_chatter_is_held_back_and_stderr_works_again_afterwards(python):
    done = python(START + "os = tensorflow.os; os.write(2, b'after\\n')", {"tensorflow": TENSORFLOW, "keras": KERAS})
    assert (done.returncode, done.stdout, done.stderr) == (0, "seed 7\n", "after\n")


def test_if_the_import_fails_what_was_held_back_is_shown(python):
    done = python(START, {"tensorflow": TALKS + "raise ImportError('no such symbol')"})
    assert done.returncode == 1
    assert done.stderr.startswith("chatter of C++\n")
    assert "ImportError: no such symbol" in done.stderr


def test_a_module_that_tensorflow_itself_misses_is_not_taken_for_tensorflow(python):
    done = python(START, {"tensorflow": "import no_such_dependency"})
    assert done.stderr.splitlines()[-1] == "ModuleNotFoundError: No module named 'no_such_dependency'"


def test_it_comes_up_with_stderr_closed(python):
    done = python(START, {"tensorflow": SILENT, "keras": KERAS}, closed_stderr=True)
    assert (done.returncode, done.stdout) == (0, "seed 7\n")


def test_a_backend_that_the_user_chose_for_other_programs_is_not_ours(python):
    modules = {"tensorflow": TENSORFLOW, "keras": KERAS + "import os; print(os.environ['KERAS_BACKEND'])"}
    assert python(START, modules, KERAS_BACKEND="torch").stdout.splitlines()[0] == "tensorflow"


BLOCKED = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "keras"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocker())
import pathlib, rnntext
try:
    rnntext.train_charlm(["text.txt"], pathlib.Path("model"))
except rnntext.RnntextError as error:
    print(type(error).__name__, error.exit_code, error)
print(pathlib.Path("model/run").exists())
"""


def test_without_tensorflow_training_is_a_usage_error_that_names_the_command_to_install_it(python, tmp_path):
    (tmp_path / "text.txt").write_text("a text that is long enough\n" * 50)
    done = python(f"import os; os.chdir({str(tmp_path)!r})" + BLOCKED)
    message, run_exists = done.stdout.splitlines()
    assert message.startswith("UsageError 2 ")
    assert "pip install 'rnntext[train]'" in message
    assert (run_exists, done.stderr) == ("False", "")
