"""Networks of today, narrow, written for PyTorch: one training step of each is compared.

ResNet-18 (He 2016), MobileNetV2 (Sandler 2018), EfficientNet-B0 (Tan, Le 2019), ConvNeXt-Tiny (Liu
2022), ViT (Dosovitskiy 2021), with their blocks and with fewer channels and blocks.
"""

import torch
import torch.nn.functional as F
from torch import nn, optim


class Basic(nn.Module):
    def __init__(self, inplanes, planes, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = None
        if stride != 1 or inplanes != planes:
            self.downsample = nn.Sequential(
                nn.Conv2d(inplanes, planes, 1, stride, bias=False), nn.BatchNorm2d(planes)
            )

    def forward(self, x):
        identity = x
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.downsample is not None:
            identity = self.downsample(x)
        out += identity
        return self.relu(out)


class ResNet18(nn.Module):
    def __init__(self, width=4, classes=3):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        widths = [width, width, 2 * width, 4 * width]
        for i in range(3):
            first = Basic(widths[i], widths[i + 1], stride=1 if i == 0 else 2)
            second = Basic(widths[i + 1], widths[i + 1])
            setattr(self, f"layer{i + 1}", nn.Sequential(first, second))
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(4 * width, classes)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(torch.flatten(self.avgpool(x), 1))


class Inverted(nn.Module):
    def __init__(self, inp, oup, stride, expand):
        super().__init__()
        hidden = round(inp * expand)
        self.use_res_connect = stride == 1 and inp == oup
        layers = []
        if expand != 1:
            layers += [nn.Conv2d(inp, hidden, 1, bias=False), nn.BatchNorm2d(hidden), nn.ReLU6()]
        layers.extend([
            nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden, bias=False),
            nn.BatchNorm2d(hidden), nn.ReLU6(),
            nn.Conv2d(hidden, oup, 1, bias=False), nn.BatchNorm2d(oup),
        ])  # fmt: skip
        self.conv = nn.Sequential(*layers)

    def forward(self, x):
        return x + self.conv(x) if self.use_res_connect else self.conv(x)


class MobileNetV2(nn.Module):
    def __init__(self, classes=3):
        super().__init__()
        features = [nn.Conv2d(3, 4, 3, 2, 1, bias=False), nn.BatchNorm2d(4), nn.ReLU6()]
        for inp, oup, stride, expand in [(4, 4, 1, 1), (4, 6, 2, 3), (6, 6, 1, 3), (6, 8, 2, 3)]:
            features.append(Inverted(inp, oup, stride, expand))
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(nn.Dropout(p=0.0), nn.Linear(8, classes))

    def forward(self, x):
        x = self.features(x).mean([2, 3])
        return self.classifier(x)


class SqueezeExcite(nn.Module):
    def __init__(self, planes, squeezed):
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(planes, squeezed, 1)
        self.fc2 = nn.Conv2d(squeezed, planes, 1)
        self.activation, self.scale_activation = nn.SiLU(), nn.Sigmoid()

    def forward(self, x):
        scale = self.activation(self.fc1(self.avgpool(x)))
        return self.scale_activation(self.fc2(scale)) * x


class MBConv(nn.Module):
    def __init__(self, inp, oup, kernel, stride, expand):
        super().__init__()
        mid = inp * expand
        self.residual = stride == 1 and inp == oup
        self.block = nn.Sequential(
            nn.Conv2d(inp, mid, 1, bias=False), nn.BatchNorm2d(mid, eps=1e-3), nn.SiLU(),
            nn.Conv2d(mid, mid, kernel, stride, kernel // 2, groups=mid, bias=False),
            nn.BatchNorm2d(mid, eps=1e-3), nn.SiLU(), SqueezeExcite(mid, max(1, inp // 2)),
            nn.Conv2d(mid, oup, 1, bias=False), nn.BatchNorm2d(oup, eps=1e-3),
        )  # fmt: skip

    def forward(self, x):
        out = self.block(x)
        if self.residual:
            out = out + x
        return out


class EfficientNet(nn.Module):
    def __init__(self, classes=3):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 4, 3, 2, 1, bias=False), nn.BatchNorm2d(4, momentum=0.01), nn.SiLU()
        )
        self.blocks = nn.Sequential(
            MBConv(4, 4, 3, 1, 2), MBConv(4, 6, 5, 2, 3), MBConv(6, 6, 3, 1, 3)
        )
        self.head = nn.Linear(6, classes)

    def forward(self, x):
        x = F.adaptive_avg_pool2d(self.blocks(self.stem(x)), 1)
        return self.head(x.flatten(1))


class LayerNorm2d(nn.LayerNorm):
    def forward(self, x):
        x = x.permute(0, 2, 3, 1)
        x = F.layer_norm(x, (x.size(-1),), self.weight, self.bias, 1e-6)
        return x.permute(0, 3, 1, 2)


class CNBlock(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.dwconv = nn.Conv2d(dim, dim, kernel_size=7, padding=3, groups=dim)
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.pwconv1 = nn.Linear(dim, 4 * dim)
        self.act = nn.GELU()
        self.pwconv2 = nn.Linear(4 * dim, dim)
        self.gamma = nn.Parameter(0.1 * torch.ones(dim))

    def forward(self, x):
        y = self.dwconv(x).permute(0, 2, 3, 1)
        y = self.gamma * self.pwconv2(self.act(self.pwconv1(self.norm(y))))
        return x + y.permute(0, 3, 1, 2)


class ConvNeXt(nn.Module):
    def __init__(self, classes=3):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 4, stride=4), LayerNorm2d(4))
        self.stage1 = nn.Sequential(*[CNBlock(4) for _ in range(2)])
        self.down = nn.Sequential(LayerNorm2d(4), nn.Conv2d(4, 6, 2, stride=2))
        self.stage2 = CNBlock(6)
        self.norm, self.head = nn.LayerNorm(6, eps=1e-6), nn.Linear(6, classes)

    def forward(self, x):
        x = self.stage2(self.down(self.stage1(self.stem(x))))
        return self.head(self.norm(x.mean((-2, -1))))


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads, self.scale = heads, (dim // heads) ** -0.5
        self.qkv = nn.Linear(dim, dim * 3)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x):
        B, N, C = x.shape
        qkv = self.qkv(x).reshape(B, N, 3, self.heads, C // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = qkv[0], qkv[1], qkv[2]
        attention = (q @ k.transpose(-2, -1)) * self.scale
        attention = attention.softmax(dim=-1)
        x = (attention @ v).transpose(1, 2).reshape(B, N, C)
        return self.proj(x)


class Encoder(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.norm1, self.attn = nn.LayerNorm(dim), Attention(dim, heads)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class ViT(nn.Module):
    def __init__(self, dim=8, classes=3):
        super().__init__()
        self.patch_embed = nn.Conv2d(3, dim, kernel_size=8, stride=8)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.pos_embed = nn.Parameter(torch.zeros(1, 17, dim))
        self.blocks = nn.ModuleList([Encoder(dim, 2) for _ in range(2)])
        self.norm, self.head = nn.LayerNorm(dim), nn.Linear(dim, classes)

    def forward(self, x):
        x = self.patch_embed(x).flatten(2).transpose(1, 2)
        x = torch.cat((self.cls_token.expand(x.shape[0], -1, -1), x), dim=1)
        x = x + self.pos_embed
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x)[:, 0])


NETWORKS = {
    "resnet18": ResNet18,
    "mobilenet_v2": MobileNetV2,
    "efficientnet_b0": EfficientNet,
    "convnext_tiny": ConvNeXt,
    "vit_b_16": ViT,
}


def step(name, load_weights, images, labels):
    """Loss, gradients and state after one step of SGD, by name, in float64."""
    model = NETWORKS[name]().to(torch.float64)
    load_weights(model)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    model.train()
    loss = F.cross_entropy(model(torch.from_numpy(images)), torch.from_numpy(labels))
    optimizer.zero_grad()
    loss.backward()
    gradients = {n: p.grad.detach().cpu().numpy() for n, p in model.named_parameters()}
    optimizer.step()
    return loss.item(), gradients, dict(model.state_dict())
