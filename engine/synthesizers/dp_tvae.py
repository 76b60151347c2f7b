"""DP-TVAE: a variational autoencoder for tables whose decoder learns from noisy clipped gradients."""

from __future__ import annotations

from typing import ClassVar

from engine.synthesizers.deep import DeepSynthesizer
from engine.synthesizers.training_settings import TrainingSettings


class DpTvaeSynthesizer(DeepSynthesizer):
    """A variational autoencoder on DP marginals and noisy gradients."""

    settings: ClassVar[TrainingSettings] = TrainingSettings(gradient_share=0.1, steps=500, private_rate=1e-3)
    networks: ClassVar[str] = "engine.synthesizers.autoencoder:AutoencoderNetworks"
