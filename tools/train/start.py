"""What a training starts from: nothing, ImageNet's weights, a model file or a checkpoint."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from torch import Tensor

from tools.train.aseg import start_from_aseg
from tools.train.baselines import BASELINES
from tools.train.export import load_network
from tools.train.inherit import inherit
from tools.train.network import Network, load_architecture
from tools.train.pretrained import start_from_imagenet

IMAGENET = "imagenet"
FLAGSHIP = "models/attendseg-camvid.architecture.json"
PRETRAINED = "models/attendseg-streets.architecture.json"


def architecture_for(init: str | None, path: str | None) -> dict[str, Any]:
    """The architecture of a file or, if none is named, the one that a start belongs to.

    A model file NAME.aseg has NAME.architecture.json beside it; a baseline is named in place of a file. ValueError or
    OSError if it cannot be read.
    """
    if path in BASELINES:
        if init is not None:
            raise ValueError(f"{path}: a baseline is trained from scratch; leave out --init")
        return {"baseline": path}
    if path is None and init is not None and init.endswith(".aseg"):
        path = str(architecture_file(init))
        if not Path(path).exists():
            raise ValueError(f"{path}: no such file; name the architecture of {init} with --architecture")
    elif path is None and init not in (None, IMAGENET):
        return load_float(init).architecture
    return load_architecture(path or (PRETRAINED if init == IMAGENET else FLAGSHIP))


def architecture_file(model: str) -> Path:
    """Where the architecture of a model file NAME.aseg is described."""
    return Path(f"{model.removesuffix('.aseg')}.architecture.json")


def load_float(path: str) -> Network:
    """The averaged weights of a checkpoint; ValueError if it is quantized, or that of a baseline."""
    network = load_network(path)
    if not isinstance(network, Network):
        raise ValueError(f"{path}: is quantized or a baseline; give a checkpoint of train.py of a network of ours")
    return network


def start(network: Network, init: str | None, classes: list[str], images: Iterable[Tensor]) -> list[str]:
    """Gives a network the weights that --init names; the names of the parameters that have them.

    From a model file of another architecture it gets what fits (see `inherit`); then no parameter counts as one that has
    its weights.

    classes  names of the network's classes, in order
    images   some training frames [N, 3, H, W] in [0, 1]
    ValueError, with the remedy, if the start does not fit the network.
    """
    if init is None:
        return []
    if init == IMAGENET:
        return start_from_imagenet(network, images)
    if not init.endswith(".aseg"):
        return start_from_checkpoint(network, init)
    own = network.architecture
    other = architecture_for(init, None) if architecture_file(init).exists() else own
    other = other | {"name": own["name"], "classes": own["classes"]}
    if own == other:
        return start_from_aseg(network, init, classes, images)
    parent = Network(other)
    start_from_aseg(parent, init, classes, images)
    inherit(network, own, other, parent.state_dict())
    return []


def start_from_checkpoint(network: Network, path: str) -> list[str]:
    """Gives a network the averaged weights of a float checkpoint; a head of another size stays new."""
    other = load_float(path)
    state = {key: value for key, value in other.state_dict().items() if not key.startswith("head.")}
    if other.architecture["classes"] == network.architecture["classes"]:
        state = other.state_dict()
    own = network.state_dict()
    for key in (own.keys() | state.keys()) - {"head.weight", "head.bias"}:
        if key not in own or key not in state or own[key].shape != state[key].shape:
            raise ValueError(f"{path}: holds another architecture: {key} does not fit")
    network.load_state_dict(state, strict=False)
    return [name for name, _ in network.named_parameters() if name in state]
