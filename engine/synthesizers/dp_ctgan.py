"""DP-CTGAN: a conditional GAN for tables whose discriminator learns private rows from noisy clipped gradients only."""

from __future__ import annotations

from typing import ClassVar

from engine.synthesizers.deep import DeepSynthesizer
from engine.synthesizers.training_settings import TrainingSettings


class DpCtganSynthesizer(DeepSynthesizer):
    """A conditional GAN on DP marginals and noisy gradients."""

    settings: ClassVar[TrainingSettings] = TrainingSettings(gradient_share=0.1, steps=500, rehearsal_steps=500)
    networks: ClassVar[str] = "engine.synthesizers.adversarial:AdversarialNetworks"
    conditional: ClassVar[bool] = True
