"""All synthesizers by name. An entry is text until it is used, so listing methods loads no model code."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from engine.errors import PlanError
from engine.synthesizers.base import Synthesizer


@dataclass(frozen=True)
class MethodInfo:
    """What an analyst needs to choose a method.

    Args:
        name: stable name.
        title: name to show.
        summary: what it keeps, in a sentence.
        best_for: the need it serves.
        source: the paper.
        target: `module:Class`.
        private: whether its output carries a differential privacy guarantee.
        emphasises: whether relations of a plan's target and important columns count double.
    """

    name: str
    title: str
    summary: str
    best_for: str
    source: str
    target: str
    private: bool = True
    emphasises: bool = False


_METHODS: dict[str, MethodInfo] = {}


def register(info: MethodInfo) -> None:
    """Add a method; raises ValueError where the name is taken."""
    if info.name in _METHODS:
        raise ValueError(f"a method named {info.name!r} is registered already")
    _METHODS[info.name] = info


def list_methods() -> tuple[MethodInfo, ...]:
    """All methods in the order in which they are offered; those without a guarantee come last."""
    return tuple(sorted(_METHODS.values(), key=lambda info: not info.private))


def method_info(name: str) -> MethodInfo:
    """One method; raises PlanError where there is none of that name."""
    if name not in _METHODS:
        raise PlanError(f"there is no method {name!r}: choose one of {', '.join(info.name for info in list_methods())}")
    return _METHODS[name]


def synthesizer_class(name: str) -> type[Synthesizer]:
    """The class of a method; raises PlanError where there is none of that name."""
    module, _, attribute = method_info(name).target.partition(":")
    found: type[Synthesizer] = getattr(import_module(module), attribute)
    return found


def default_method(n_columns: int) -> str:
    """The method to offer first for a table with this many columns to synthesize; always one with a guarantee."""
    fitting = (
        info.name
        for info in _METHODS.values()
        if info.private
        and (method := synthesizer_class(info.name)).minimum_columns <= n_columns
        and (method.maximum_columns is None or n_columns <= method.maximum_columns)
    )
    return next(fitting)


register(
    MethodInfo(
        name="aim",
        title="Adaptive marginals (AIM)",
        summary="Keeps every column's distribution and the pairs and triples that matter, chosen as it learns.",
        best_for="Tables of 2 to 100 columns, where it comes closest to the rows",
        source="McKenna, Mullins, Sheldon, Miklau: AIM (2022)",
        target="engine.synthesizers.aim:AimSynthesizer",
        emphasises=True,
    )
)
register(
    MethodInfo(
        name="mst",
        title="Spanning tree (MST)",
        summary="Keeps every column's distribution and the strongest pairwise relations, as a tree.",
        best_for="Tables of more than 100 columns, or a first look within seconds",
        source="McKenna, Miklau, Sheldon: Winning the NIST Contest (2021)",
        target="engine.synthesizers.mst:SpanningTreeSynthesizer",
    )
)
register(
    MethodInfo(
        name="independent",
        title="Independent columns",
        summary="Keeps every column's distribution and no relation between columns.",
        best_for="Very little privacy loss, or test data where relations do not matter",
        source="Dwork, McSherry, Nissim, Smith: Calibrating Noise to Sensitivity (2006)",
        target="engine.synthesizers.independent:IndependentSynthesizer",
    )
)
register(
    MethodInfo(
        name="dp-ctgan",
        title="Conditional GAN (DP-CTGAN)",
        summary="Keeps what AIM measures, and a generator learns more from a discriminator on noisy gradients.",
        best_for="Comparison with other GANs; AIM comes closer to the rows, in a twentieth of the time",
        source="Xu et al.: CTGAN (2019); Bie, Kamath, Zhang: Private GANs, Revisited (2023)",
        target="engine.synthesizers.dp_ctgan:DpCtganSynthesizer",
        emphasises=True,
    )
)
register(
    MethodInfo(
        name="dp-tvae",
        title="Variational autoencoder (DP-TVAE)",
        summary="Keeps what AIM measures, and a decoder learns more of the rows from noisy gradients.",
        best_for="Comparison with other networks; AIM mostly comes closer to the rows, in a twentieth of the time",
        source="Xu et al.: TVAE (2019); Abadi et al.: Deep Learning with Differential Privacy (2016)",
        target="engine.synthesizers.dp_tvae:DpTvaeSynthesizer",
        emphasises=True,
    )
)
register(
    MethodInfo(
        name="ctgan",
        title="CTGAN, without a privacy guarantee",
        summary="Learns all columns together with a conditional adversarial network, and protects nobody.",
        best_for="Comparing inside the organisation: what the same rows give without protection",
        source="Xu, Skoularidou, Cuesta-Infante, Veeramachaneni: Modeling Tabular Data using Conditional GAN (2019)",
        target="engine.synthesizers.ctgan_baseline:CtganSynthesizer",
        private=False,
    )
)
register(
    MethodInfo(
        name="tvae",
        title="TVAE, without a privacy guarantee",
        summary="Learns all columns together with a variational autoencoder, and protects nobody.",
        best_for="Comparing inside the organisation: often closer to the rows than CTGAN, and faster",
        source="Xu, Skoularidou, Cuesta-Infante, Veeramachaneni: Modeling Tabular Data using Conditional GAN (2019)",
        target="engine.synthesizers.tvae_baseline:TvaeSynthesizer",
        private=False,
    )
)
register(
    MethodInfo(
        name="gaussian-copula",
        title="Gaussian copula, without a privacy guarantee",
        summary="Keeps every column's distribution and one correlation per pair of columns, and protects nobody.",
        best_for="Comparing inside the organisation: the simplest model of relations, within seconds",
        source="Patki, Wedge, Veeramachaneni: The Synthetic Data Vault (2016)",
        target="engine.synthesizers.gaussian_copula:GaussianCopulaSynthesizer",
        private=False,
    )
)
