"""CTGAN on unprotected rows. Its networks are loaded when they are trained, so that naming it loads no torch."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.privacy.plan import SynthesisPlan
from engine.progress import Progress
from engine.synthesizers.network_settings import CtganSettings
from engine.synthesizers.plain_columns import PlainTable
from engine.synthesizers.plain_synthesizer import PlainSynthesizer

if TYPE_CHECKING:
    from engine.synthesizers.ctgan_training import CtganModel

SETTINGS = CtganSettings()


class CtganSynthesizer(PlainSynthesizer):
    """A conditional generative adversarial network.

    Source: Xu, Skoularidou, Cuesta-Infante, Veeramachaneni, "Modeling Tabular Data using Conditional GAN" (2019), §4.
    """

    model_: CtganModel

    @classmethod
    def parameters(cls, plan: SynthesisPlan) -> dict[str, Any]:
        """The settings of the networks."""
        return asdict(SETTINGS) | {"hidden": list(SETTINGS.hidden)}

    @classmethod
    def multiplications(cls, width: int, n_rows: int) -> float:
        """Two and a half passes through the generator, one of them with its way back, and eight through the other."""
        generator, discriminator = cls._sizes(width)
        return SETTINGS.epochs * n_rows * (3.0 * generator + 8.0 * discriminator / SETTINGS.pac)

    @classmethod
    def weights(cls, width: int) -> float:
        """Those of both networks."""
        return float(sum(cls._sizes(width)))

    @classmethod
    def _sizes(cls, width: int) -> tuple[int, int]:
        """About how many weights generator and discriminator have, where every place of a row can be asked for."""
        hidden = sum(SETTINGS.hidden)
        discriminator = (2 * width * SETTINGS.pac + hidden) * SETTINGS.hidden[0]
        return (SETTINGS.embedding + width + hidden) * (hidden + width), discriminator

    def _learn(self, table: PlainTable, rng: np.random.Generator, progress: Progress) -> None:
        from engine.synthesizers.ctgan_training import train_ctgan

        self.model_ = train_ctgan(table, SETTINGS, self.device, rng, progress)

    def _draw(self, n_rows: int, rng: np.random.Generator) -> PlainTable:
        return self.model_.draw(n_rows, rng)
