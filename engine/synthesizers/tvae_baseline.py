"""TVAE on unprotected rows. Its networks are loaded when they are trained, so that naming it loads no torch."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.privacy.plan import SynthesisPlan
from engine.progress import Progress
from engine.synthesizers.network_settings import TvaeSettings
from engine.synthesizers.plain_columns import PlainTable
from engine.synthesizers.plain_synthesizer import PlainSynthesizer

if TYPE_CHECKING:
    from engine.synthesizers.tvae_training import TvaeModel

SETTINGS = TvaeSettings()


class TvaeSynthesizer(PlainSynthesizer):
    """A variational autoencoder.

    Source: Xu, Skoularidou, Cuesta-Infante, Veeramachaneni, "Modeling Tabular Data using Conditional GAN" (2019), §4.5.
    """

    model_: TvaeModel

    @classmethod
    def parameters(cls, plan: SynthesisPlan) -> dict[str, Any]:
        """The settings of the networks."""
        return asdict(SETTINGS) | {"hidden": list(SETTINGS.hidden)}

    @classmethod
    def multiplications(cls, width: int, n_rows: int) -> float:
        """A pass through both networks and back, which takes two more."""
        return SETTINGS.epochs * n_rows * 3.0 * cls.weights(width)

    @classmethod
    def weights(cls, width: int) -> float:
        """Those of both networks."""
        hidden = sum(SETTINGS.hidden)
        return 2.0 * width * SETTINGS.hidden[0] + hidden**2 / 2.0 + 3.0 * SETTINGS.embedding * hidden / 2.0

    def _learn(self, table: PlainTable, rng: np.random.Generator, progress: Progress) -> None:
        from engine.synthesizers.tvae_training import train_tvae

        self.model_ = train_tvae(table, SETTINGS, self.device, rng, progress)

    def _draw(self, n_rows: int, rng: np.random.Generator) -> PlainTable:
        return self.model_.draw(n_rows, rng)
