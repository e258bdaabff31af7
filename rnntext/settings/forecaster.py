"""Settings of forecasters: their kinds, architecture and training."""

from __future__ import annotations

import dataclasses

from rnntext.errors import UsageError
from rnntext.settings.base import BUDGET, LEARNING, MODEL, MUST_MATCH, Config, inherited, option
from rnntext.settings.training import TrainingConfig

STRATEGIES = ("next", "iterated", "direct", "seq2seq")
SCALES = ("relative", "standard", "none")
LOSSES = ("mse", "huber")
CONVOLUTION = 4  # kernel size of the convolution of conv-gru
STRIDE = 2  # its stride
WINDOW = 50  # past values that a network reads
STEPS = 500  # number of steps of a training without a limit
LEVEL = 80.0  # percentage of values that a band is to hold


@dataclasses.dataclass(frozen=True)
class Architecture:
    """The layers of a kind of forecaster.

    Attributes:
        cell: kind of recurrent cell; None: the network has no recurrence.
        layers, units: default number of recurrent layers, and of their units.
        convolution: whether a convolution comes before them.
    """

    cell: str | None = None
    layers: int = 0
    units: int = 0
    convolution: bool = False


FORECASTERS = {
    "naive": Architecture(),
    "seasonal-naive": Architecture(),
    "linear": Architecture(),
    "rnn": Architecture("rnn", 1, 1),
    "deep-rnn": Architecture("rnn", 2, 20),
    "lstm": Architecture("lstm", 2, 20),
    "gru": Architecture("gru", 2, 20),
    "conv-gru": Architecture("gru", 2, 20, convolution=True),
}
BASELINES = ("naive", "seasonal-naive")  # without weights


@dataclasses.dataclass(frozen=True, kw_only=True)
class ForecastConfig(Config):
    """The architecture of a forecaster, which reads `window` values and predicts the next one or the next `horizon`.

    >>> import rnntext
    >>> rnntext.ForecastConfig(architecture="lstm", horizon=24).stack()
    (20, 20)

    Attributes:
        strategy: "next" predicts one value, and is measured on one; "iterated" is the same model, measured on `horizon`
            values, each appended to the window of the next; "direct" predicts all at once; "seq2seq" predicts all at
            once at every step of the window, of which only the last is used and measured.
        layers, units: None for those of the architecture (see FORECASTERS).
        recurrent_output: whether the last layer is recurrent, not dense. The architecture rnn always has such a layer
            where it predicts one number.
        window: number of past values that a forecast is made from; it follows from the season where it is left open.
        network_window: number of them, the last ones, that the network reads; None: all.
        scale: "relative": the input is the difference to the window's first value, the output that to the forecast of
            exponential smoothing (sequence to sequence and without weights, to the seasonal naive one); "standard":
            values have mean 0 and standard deviation 1; "none": values as they are.
        linear: whether, with relative scale, a linear model of the window is added to the output of a recurrent network
            that ends with a dense layer.
        season: a number of steps; None: it is estimated from the training data.
    """

    resume = MUST_MATCH
    architecture: str = option("gru", "Kind of forecaster.", MODEL, choices=tuple(FORECASTERS))
    strategy: str = option(
        "direct",
        "How values are predicted; next: only one; iterated: one after the other; direct: all at once; seq2seq: all at "
        "once at each step of the window.",
        MODEL,
        choices=STRATEGIES,
    )
    window: int = option(
        WINDOW,
        "Number of past values that a forecast is made from.",
        MODEL,
        low=1,
        high=65536,
        by_size=True,
        shown="by the season",
    )
    network_window: int | None = option(
        None,
        "Number of them, the last ones, that the network reads; all without.",
        MODEL,
        low=1,
        hidden=True,
        by_size=True,
    )
    horizon: int = option(10, "Number of values to predict.", MODEL, low=1, high=65536)
    layers: int | None = option(None, "Number of recurrent layers.", MODEL, low=1, high=64, shown="1 for rnn, else 2")
    units: int | None = option(
        None, "Units of each recurrent layer.", MODEL, low=1, high=16384, shown="1 for rnn, else 20"
    )
    recurrent_output: bool = option(
        False, "Use a recurrent output layer, not a dense one (rnn and deep-rnn only).", MODEL
    )
    linear: bool = option(
        True, "Add the output of a linear model to that of the recurrent network.", MODEL, negative="--no-linear"
    )
    scale: str = option(
        "relative",
        "Scale of the network's input; relative: differences to the window's first value, and an exponential smoothing "
        "that the network corrects; standard: standardised values; none: values as they are.",
        MODEL,
        choices=SCALES,
    )
    season: int | None = option(
        None,
        "Length of the season: the number of steps after which the series repeats itself.",
        MODEL,
        low=1,
        high=65536,
        shown="estimated",
    )

    def check(self) -> None:
        """See Config."""
        kind = FORECASTERS[self.architecture]
        for name in ("layers", "units"):
            value = getattr(self, name)
            if kind.cell is None and value is not None:
                raise UsageError(f"--{name} {value}: --architecture {self.architecture} has no such thing")
        if self.recurrent_output and kind.cell != "rnn":
            raise UsageError("--recurrent-output: needs --architecture rnn or deep-rnn")
        if kind.convolution and self.read < CONVOLUTION:
            raise UsageError(f"--window {self.window}: --architecture {self.architecture} needs at least {CONVOLUTION}")

    @property
    def ahead(self) -> int:
        """Number of values that the network predicts at once."""
        return 1 if self.strategy in ("next", "iterated") else self.horizon

    @property
    def measured(self) -> int:
        """Number of values that it is measured on."""
        return 1 if self.strategy == "next" else self.horizon

    @property
    def read(self) -> int:
        """Number of values that the network reads, the last ones of the window."""
        return min(self.window, self.network_window or self.window)

    def stack(self) -> tuple[int, ...]:
        """Units of each recurrent layer, a recurrent output layer not included."""
        kind = FORECASTERS[self.architecture]
        layers = kind.layers if self.layers is None else self.layers
        units = kind.units if self.units is None else self.units
        return (units,) * layers


@dataclasses.dataclass(frozen=True, kw_only=True)
class ForecastTraining(TrainingConfig):
    """The training of a forecaster, on batches of `batch_size` windows.

    >>> import rnntext
    >>> rnntext.ForecastTraining(steps=200).loss
    'huber'

    The loss is the mean squared error, or Huber's (1964), which is squared for errors up to 1 and linear above, so that
    outliers have less influence. Errors are in standard deviations of the training data, unless `scale` is "none".
    """

    retired = frozenset({"precision"})
    steps: int | None = inherited(TrainingConfig, "steps", shown=f"{STEPS} if no other limit is given")
    time_limit: float | None = inherited(TrainingConfig, "time_limit", shown=None)
    learning_rate: float = inherited(TrainingConfig, "learning_rate", default=5e-3)
    beta_2: float = inherited(TrainingConfig, "beta_2", default=0.999)
    dropout: float = inherited(TrainingConfig, "dropout", default=0.2)
    average: float = inherited(TrainingConfig, "average", default=0.99)
    batch_size: int = option(32, "Number of windows in a batch.", BUDGET, low=1, high=65536)
    refit: bool = option(
        True,
        "At the end fit the model once more, on all data, for as many steps as were best.",
        BUDGET,
        negative="--no-refit",
    )
    loss: str = option(
        "huber",
        "Loss: the mean squared error, or Huber's loss, on which outliers have less influence.",
        LEARNING,
        choices=LOSSES,
    )
