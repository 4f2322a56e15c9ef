"""A residual network with SGD, schedules in sequence, and a checkpoint that it resumes from.

Written for PyTorch; `test_scripts.py` runs it under minidl too, with these imports swapped.
"""

import torch
import torch.nn.functional as F
from torch import nn, optim
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR, StepLR


class Block(nn.Module):
    def __init__(self, planes, out, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(planes, out, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut = nn.Sequential()
        if stride != 1 or planes != out:
            self.shortcut = nn.Sequential(
                nn.Conv2d(planes, out, 1, stride=stride, bias=False), nn.BatchNorm2d(out)
            )

    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += self.shortcut(x)
        return F.relu(out)


class ResNet(nn.Module):
    def __init__(self, classes=4):
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, padding=1)
        self.layer1 = self._make_layer(6, 6, 1)
        self.layer2 = self._make_layer(6, 10, 2)
        self.fc = nn.Linear(10, classes)
        for m in self.modules():
            if isinstance(m, nn.BatchNorm2d):
                m.eps = 1e-4

    def _make_layer(self, planes, out, stride):
        layers = [Block(planes, out, stride)]
        layers.append(Block(out, out))
        return nn.Sequential(*layers)

    def forward(self, x):
        x = self.layer2(self.layer1(self.stem(x)))
        x = F.adaptive_avg_pool2d(x, 1)
        x = torch.flatten(x, 1)
        return self.fc(x)


def train(model, optimizer, scheduler, batches, losses):
    model.train()
    for inputs, targets in batches:
        optimizer.zero_grad(set_to_none=True)
        outputs = model(inputs)
        loss = F.nll_loss(F.log_softmax(outputs, dim=1), targets)
        penalty = sum(p.abs().sum() for n, p in model.named_parameters() if "fc" in n)
        total = loss + 1e-3 * penalty
        total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=2.0)
        optimizer.step()
        scheduler.step()
        losses.append(float(total))


def build(model):
    decay = [p for p in model.parameters() if p.dim() > 1]
    rest = [p for p in model.parameters() if p.dim() <= 1]
    groups = [{"params": decay, "weight_decay": 5e-4}, {"params": rest, "weight_decay": 0.0}]
    optimizer = optim.SGD(groups, lr=0.05, momentum=0.9, nesterov=True)
    warmup = LinearLR(optimizer, start_factor=0.2, total_iters=4)
    cosine = CosineAnnealingLR(optimizer, T_max=8, eta_min=1e-3)
    steps = StepLR(optimizer, step_size=3, gamma=0.5)
    return optimizer, SequentialLR(optimizer, [warmup, cosine, steps], milestones=[4, 12])


def run(load_weights, images, labels, dtype, steps, path):
    torch.manual_seed(1)
    model = ResNet().to(dtype)
    load_weights(model)
    optimizer, scheduler = build(model)
    x, y = torch.tensor(images, dtype=dtype), torch.tensor(labels)
    order = torch.arange(len(x))
    batches = [(x[order[i : i + 8]], y[order[i : i + 8]]) for i in range(0, len(x), 8)]
    batches = (batches * steps)[:steps]

    losses = []
    half = steps // 2
    train(model, optimizer, scheduler, batches[:half], losses)
    checkpoint = {
        "epoch": half,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(),
        "loss": losses[-1],
    }
    torch.save(checkpoint, path)

    model = ResNet().to(dtype)
    optimizer, scheduler = build(model)
    stored = torch.load(path, map_location="cpu", weights_only=False)
    result = model.load_state_dict(stored["model"], strict=True)
    assert not result.missing_keys and not result.unexpected_keys
    optimizer.load_state_dict(stored["optimizer"])
    scheduler.load_state_dict(stored["scheduler"])
    assert stored["epoch"] == half and stored["loss"] == losses[-1]
    train(model, optimizer, scheduler, batches[half:], losses)

    model.eval()
    with torch.inference_mode():
        logits = torch.cat([model(x[i : i + 8]) for i in range(0, len(x), 8)], dim=0)
        probabilities = torch.softmax(logits, dim=1)
        stacked = torch.stack([probabilities, probabilities * 2])
        hits = (probabilities.argmax(1) == y).float().mean()
        spread = probabilities.std(dim=0, unbiased=False)
    rates = [group["lr"] for group in optimizer.param_groups]
    tail = [float(hits), *spread.tolist(), *rates, stacked.mean().item()]
    return losses, [*tail, scheduler.get_last_lr()[0]]
