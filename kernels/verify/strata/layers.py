"""Layers of published networks, each by its name, as (C, H, K, ...) on one image.

Sources: AlexNet (Krizhevsky 2012), ZFNet (Zeiler, Fergus 2013), VGG (Simonyan, Zisserman 2014),
GoogLeNet and Inception (Szegedy 2014, 2015), U-Net (Ronneberger 2015), ResNet (He 2015), ResNeXt
(Xie 2016), DCGAN (Radford 2015), DenseNet (Huang 2016), DeepLab (Chen 2017), temporal convolutions
(Bai 2018), MobileNetV2 (Sandler 2018), EfficientNet (Tan, Le 2019), ViT (Dosovitskiy 2020),
ConvNeXt (Liu 2022), RepLKNet (Ding 2022), YOLOv4 (Bochkovskiy 2020).
"""

from __future__ import annotations

from dataclasses import dataclass

Pair = tuple[int, int]


def both(value: int | Pair) -> Pair:
    return (value, value) if isinstance(value, int) else value


@dataclass(frozen=True)
class Conv:
    """A convolution of C planes of `size` pixels with K filters."""

    name: str
    C: int
    size: int | Pair
    K: int
    window: int | Pair
    stride: int | Pair = 1
    padding: int | Pair = 0
    dilation: int | Pair = 1
    groups: int = 1


def depthwise(
    name: str, C: int, size: int, window: int, stride: int = 1, padding: int | None = None
) -> Conv:
    """One filter a channel; padded to the same size unless `padding` is given."""
    return Conv(name, C, size, C, window, stride, window // 2 if padding is None else padding, 1, C)


CONVOLUTIONS = (
    Conv("alexnet.conv1", 3, 227, 96, 11, 4),
    Conv("alexnet.conv2", 96, 27, 256, 5, 1, 2, 1, 2),
    Conv("alexnet.conv3", 256, 13, 384, 3, 1, 1),
    Conv("zfnet.conv1", 3, 224, 96, 7, 2, 1),
    Conv("zfnet.conv2", 96, 55, 256, 5, 2),
    Conv("vgg16.conv1_1", 3, 224, 64, 3, 1, 1),
    Conv("vgg16.conv1_2", 64, 224, 64, 3, 1, 1),
    Conv("vgg16.conv3_2", 256, 56, 256, 3, 1, 1),
    Conv("vgg16.conv5_1", 512, 14, 512, 3, 1, 1),
    Conv("googlenet.inception3a.branch1", 192, 28, 64, 1),
    Conv("googlenet.inception3a.5x5", 16, 28, 32, 5, 1, 2),
    Conv("inception_v3.mixed6b.1x7", 128, 17, 128, (1, 7), 1, (0, 3)),
    Conv("inception_v3.mixed6b.7x1", 128, 17, 192, (7, 1), 1, (3, 0)),
    Conv("resnet50.conv1", 3, 224, 64, 7, 2, 3),
    Conv("resnet50.layer1.conv1", 64, 56, 64, 1),
    Conv("resnet50.layer1.conv2", 64, 56, 64, 3, 1, 1),
    Conv("resnet50.layer1.conv3", 64, 56, 256, 1),
    Conv("resnet50.layer2.conv2", 128, 56, 128, 3, 2, 1),
    Conv("resnet50.layer2.downsample", 256, 56, 512, 1, 2),
    Conv("resnet50.layer3.conv1", 1024, 14, 256, 1),
    Conv("resnet50.layer3.conv2", 256, 14, 256, 3, 1, 1),
    Conv("resnet50.layer4.conv2", 512, 7, 512, 3, 1, 1),
    Conv("resnet50.layer4.conv3", 512, 7, 2048, 1),
    Conv("resnext50.layer1.conv2", 128, 56, 128, 3, 1, 1, 1, 32),
    Conv("resnext50.layer3.conv2", 512, 28, 512, 3, 2, 1, 1, 32),
    Conv("densenet121.layer16", 992, 7, 128, 1),
    Conv("mobilenet_v2.conv1", 3, 224, 32, 3, 2, 1),
    depthwise("mobilenet_v2.block1", 32, 112, 3),
    depthwise("mobilenet_v2.block2", 96, 112, 3, 2),
    depthwise("mobilenet_v2.block3", 144, 56, 3),
    depthwise("mobilenet_v2.block16", 960, 7, 3),
    Conv("mobilenet_v2.block2.expand", 16, 112, 96, 1),
    Conv("mobilenet_v2.conv_last", 320, 7, 1280, 1),
    depthwise("efficientnet_b0.block4", 240, 28, 5, 2),
    depthwise("efficientnet_b0.block8", 672, 14, 5),
    depthwise("efficientnet_b0.block15", 1152, 7, 3),
    Conv("efficientnet_b0.block15.squeeze", 1152, 1, 48, 1),
    Conv("efficientnet_b0.block15.excite", 48, 1, 1152, 1),
    Conv("convnext_tiny.stem", 3, 224, 96, 4, 4),
    depthwise("convnext_tiny.stage1", 96, 56, 7),
    depthwise("convnext_tiny.stage4", 768, 7, 7),
    Conv("convnext_tiny.downsample1", 96, 56, 192, 2, 2),
    depthwise("replknet.stage2", 128, 28, 31),
    Conv("vit_b_16.patches", 3, 224, 768, 16, 16),
    Conv("vit_b_32.patches", 3, 224, 768, 32, 32),
    Conv("vit_l_14.patches", 3, 224, 1024, 14, 14),
    Conv("deeplab.layer4.conv2", 512, 28, 512, 3, 1, 2, 2),
    Conv("deeplab_mobilenet.aspp6", 320, 17, 256, 3, 1, 6, 6),
    Conv("deeplab_mobilenet.aspp12", 320, 17, 256, 3, 1, 12, 12),
    Conv("deeplab_mobilenet.aspp18", 320, 17, 256, 3, 1, 18, 18),
    Conv("deeplab_mobilenet.aspp36", 320, 33, 64, 3, 1, 36, 36),
    Conv("unet.down1", 1, 572, 64, 3),
    Conv("unet.up4", 512, 28, 1024, 2, 2),
    Conv("unet.up1", 64, 112, 128, 2, 2),
    Conv("unet.last", 64, 388, 2, 1),
    Conv("dcgan.up3", 128, 32, 256, 4, 2, 1),
    Conv("srcnn.conv1", 1, 64, 64, 9, 1, 4),
    Conv("tcn.block8", 64, (1, 1024), 64, (1, 3), 1, (0, 256), (1, 256)),
)


@dataclass(frozen=True)
class Pool:
    """Pooling of C planes of `size` pixels."""

    name: str
    C: int
    size: int
    window: int
    stride: int
    padding: int = 0
    ceil_mode: bool = False


POOLS = (
    Pool("alexnet.pool1", 96, 55, 3, 2),
    Pool("zfnet.pool1", 96, 110, 3, 2, 0, True),
    Pool("vgg16.pool1", 64, 224, 2, 2),
    Pool("vgg16.pool5", 512, 14, 2, 2),
    Pool("resnet50.maxpool", 64, 112, 3, 2, 1),
    Pool("googlenet.maxpool2", 192, 56, 3, 2, 0, True),
    Pool("googlenet.inception3a.pool", 192, 28, 3, 1, 1, True),
    Pool("densenet121.transition1", 128, 56, 2, 2),
    Pool("inception_v3.mixed5b.pool", 192, 35, 3, 1, 1),
    Pool("inception_v3.auxiliary", 768, 17, 5, 3),
    Pool("yolo_v4.spp5", 512, 13, 5, 1, 2),
    Pool("yolo_v4.spp9", 256, 13, 9, 1, 4),
    Pool("yolo_v4.spp13", 128, 13, 13, 1, 6),
    Pool("resnet50.avgpool", 2048, 7, 7, 1),
    Pool("inception_v3.avgpool", 2048, 8, 8, 1),
    Pool("squeezenet.avgpool", 1000, 13, 13, 1),
    Pool("efficientnet_b0.block2.squeeze", 96, 56, 56, 1),
)

RESPONSES = {
    "alexnet.norm1": (96, 55),
    "alexnet.norm2": (256, 27),
    "zfnet.norm1": (96, 27),
    "googlenet.norm1": (64, 56),
    "googlenet.norm2": (192, 56),
}
"""C and H = W of local response normalisations."""

MATRICES = {
    "resnet50.fc": (1, 1000, 2048),
    "lenet5.output": (64, 10, 84),
    "vit_b_16.projection": (197, 768, 768),
    "vit_b_16.mlp1": (197, 3072, 768),
    "vgg16.fc2": (1, 4096, 4096),
    "swin_t.reduction": (49, 2048, 512),
    "vit_b_16_384.attention": (577, 64, 577),
    "vgg16.fc3": (128, 1000, 4096),
}
"""(M,N,K) of linear layers and of attention's products, some for many images."""

ALIKE = (
    Conv("alexnet.conv4", 384, 13, 384, 3, 1, 1, 1, 2),
    Conv("alexnet.conv5", 384, 13, 256, 3, 1, 1, 1, 2),
    Conv("zfnet.conv3", 256, 13, 384, 3, 1, 1),
    Conv("zfnet.conv4", 384, 13, 384, 3, 1, 1),
    Conv("zfnet.conv5", 384, 13, 256, 3, 1, 1),
    Conv("vgg16.conv2_1", 64, 112, 128, 3, 1, 1),
    Conv("vgg16.conv2_2", 128, 112, 128, 3, 1, 1),
    Conv("vgg16.conv3_1", 128, 56, 256, 3, 1, 1),
    Conv("vgg16.conv3_3", 256, 56, 256, 3, 1, 1),
    Conv("vgg16.conv4_1", 256, 28, 512, 3, 1, 1),
    Conv("vgg16.conv4_2", 512, 28, 512, 3, 1, 1),
    Conv("vgg16.conv4_3", 512, 28, 512, 3, 1, 1),
    Conv("vgg16.conv5_2", 512, 14, 512, 3, 1, 1),
    Conv("vgg16.conv5_3", 512, 14, 512, 3, 1, 1),
    Conv("resnet50.layer2.conv1", 256, 56, 128, 1),
    Conv("resnet50.layer2.conv3", 128, 28, 512, 1),
    Conv("resnet50.layer3.conv2_1", 256, 28, 256, 3, 2, 1),
    Conv("resnet50.layer3.conv3", 256, 14, 1024, 1),
    Conv("resnet50.layer4.conv1", 2048, 7, 512, 1),
    Conv("resnet50.layer4.conv2_1", 512, 14, 512, 3, 2, 1),
)
"""Layers that `--layer` names, too much like those of the stratum to be tried on every kernel."""
