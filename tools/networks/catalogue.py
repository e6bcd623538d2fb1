"""The networks by name, and what builds each. Packages are imported where a network of theirs is asked for."""

from collections.abc import Callable

from torch import Tensor, nn

from tools.networks import branches, decoders, dilated, factorized, portraits

CLASSES = 11

OWN: dict[str, Callable[[], nn.Module]] = {
    "ENet": lambda: decoders.ENet(CLASSES),
    "ERFNet": lambda: factorized.ERFNet(CLASSES),
    "ESPNetv2": lambda: dilated.ESPNetV2(CLASSES),
    "Fast-SCNN": lambda: branches.FastSCNN(CLASSES),
    "BiSeNetV2": lambda: branches.BiSeNetV2(CLASSES),
    "DABNet": lambda: factorized.DABNet(CLASSES),
    "CGNet": lambda: factorized.CGNet(CLASSES),
    "LEDNet": lambda: factorized.LEDNet(CLASSES),
    "LETNet": lambda: factorized.LETNet(CLASSES),
    "PIDNet-S": lambda: branches.PIDNet(CLASSES),
    "DDRNet-23-slim": lambda: branches.DDRNet(CLASSES),
    "PP-LiteSeg": lambda: branches.PPLiteSeg(CLASSES),
    "RegSeg": lambda: dilated.RegSeg(CLASSES),
    "SINet": lambda: portraits.SINet(2),
    "U-Net bilinear": lambda: decoders.UNet(CLASSES, True),
    "U-Net transposed": lambda: decoders.UNet(CLASSES, False),
    "SegNet": lambda: decoders.SegNet(CLASSES),
    "U2-Netp": lambda: decoders.U2NetP(1),
    "MODNet": lambda: portraits.MODNet(1),
}

TORCHVISION = ("lraspp_mobilenet_v3_large", "deeplabv3_mobilenet_v3_large", "deeplabv3_resnet50", "fcn_resnet50")

ARCHITECTURES = (
    "Unet",
    "UnetPlusPlus",
    "Linknet",
    "FPN",
    "PSPNet",
    "PAN",
    "DeepLabV3",
    "DeepLabV3Plus",
    "UPerNet",
)

ENCODERS = (
    "mobilenet_v2",
    "tu-mobilenetv3_small_100",
    "tu-mobilenetv4_conv_small",
    "efficientnet-b0",
    "tu-efficientnet_lite0",
    "resnet18",
    "mobileone_s0",
    "tu-repvgg_a0",
    "tu-ghostnetv2_100",
    "tu-fastvit_t8",
    "tu-repvit_m0_9",
    "tu-lcnet_100",
)

TRANSFORMERS = ("smp Segformer mit_b0", "smp Unet tu-efficientvit_b0")


class Only(nn.Module):
    """A network that gives a dictionary, less all of it but `out`."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        return self.network(image)["out"]


def names() -> list[str]:
    """All networks: own code, torchvision, every architecture of segmentation-models-pytorch with every encoder."""
    packed = [f"smp {architecture} {encoder}" for architecture in ARCHITECTURES for encoder in ENCODERS]
    return [*OWN, *(f"torchvision {name}" for name in TORCHVISION), *packed, *TRANSFORMERS]


def build(name: str) -> nn.Module:
    """
    A network with random weights. Raises KeyError for a name that is not known, ImportError where its package is
    absent, and whatever the package raises for an encoder that an architecture does not take.
    """
    if name in OWN:
        return OWN[name]()
    package, architecture, *encoder = name.split(" ")
    if package == "torchvision":
        from torchvision.models import segmentation

        kwargs = {} if architecture.startswith("lraspp") else {"aux_loss": False}
        make = getattr(segmentation, architecture)
        return Only(make(weights=None, weights_backbone=None, num_classes=CLASSES, **kwargs))
    if package != "smp":
        raise KeyError(name)
    import segmentation_models_pytorch as smp

    return getattr(smp, architecture)(encoder[0], encoder_weights=None, classes=CLASSES)


def side(name: str) -> int:
    """
    Height and width to export at, in pixels. The torchscript exporter takes adaptive pooling only to bins that divide
    the size: 1, 2, 3 and 6 bins at 1/32, or PP-LiteSeg's 1, 2 and 4.
    """
    return 256 if name == "PP-LiteSeg" else 192
