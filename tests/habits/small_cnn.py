"""A small CNN with batch normalisation, dropout off, label smoothing and Adam, over a data loader.

Written for PyTorch; `test_scripts.py` runs it under minidl too, with these imports swapped.
"""

import torch
import torch.nn.functional as F
from torch import nn, optim
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    def __init__(self, classes=5):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 12, kernel_size=3, padding=1, groups=2),
            nn.BatchNorm2d(12, momentum=None),
            nn.SiLU(),
            nn.AvgPool2d(2),
        )
        self.mixed = nn.ModuleList([nn.Conv2d(12, 12, 1) for _ in range(2)])
        self.acts = nn.ModuleDict({"a": nn.GELU(), "b": nn.Hardswish()})
        self.norm = nn.GroupNorm(3, 12)
        self.drop = nn.Dropout(0.0)
        self.pool = nn.AdaptiveAvgPool2d((1, 1))
        self.head = nn.Sequential(nn.Flatten(), nn.LayerNorm(12), nn.Linear(12, classes))
        self.register_buffer("scale", torch.full((1,), 1.5))
        self.apply(self.initialise)

    @staticmethod
    def initialise(module):
        if isinstance(module, nn.BatchNorm2d) and module.weight is not None:
            with torch.no_grad():
                module.weight.fill_(1.0)
                module.bias.zero_()

    def forward(self, x):
        x = self.features(x)
        for conv, name in zip(self.mixed, ["a", "b"]):
            x = x + self.acts[name](conv(x))
        x = self.pool(self.norm(x)) * self.scale
        return self.head(self.drop(x))


def run(load_weights, images, labels, dtype, steps):
    """The losses of the first steps, and what else can be compared."""
    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = Net().to(device).to(dtype)
    load_weights(model)
    assert isinstance(repr(model), str) and len(list(model.children())) == 7
    count = sum(p.numel() for p in model.parameters() if p.requires_grad)

    dataset = TensorDataset(torch.from_numpy(images).to(dtype), torch.from_numpy(labels).long())
    loader = DataLoader(dataset, batch_size=8, shuffle=False, drop_last=True, num_workers=0)
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    optimizer = optim.Adam(model.parameters(), lr=3e-3, weight_decay=1e-4)
    scheduler = lr_scheduler.OneCycleLR(optimizer, max_lr=1e-2, total_steps=steps + 1)
    plateau = lr_scheduler.ReduceLROnPlateau(optim.AdamW([torch.zeros(1)], lr=1.0), patience=0)

    losses, correct, seen = [], 0, 0
    model.train()
    while len(losses) < steps:
        for batch, (data, target) in enumerate(loader):
            data, target = data.to(device), target.to(device)
            optimizer.zero_grad()
            output = model(data)
            loss = criterion(output, target)
            loss.backward()
            norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            scheduler.step()
            assert float(norm) > 0 and f"{loss:.4f}" == f"{loss.item():.4f}"
            losses.append(loss.item())
            pred = output.argmax(dim=1, keepdim=True)
            correct += pred.eq(target.view_as(pred)).sum().item()
            seen += data.size(0)
            if len(losses) == steps:
                break
        plateau.step(losses[-1])

    model.eval()
    total = 0.0
    with torch.no_grad():
        for data, target in loader:
            output = model(data)
            total += F.cross_entropy(output, target, reduction="sum").item()
            _, best = output.max(1)
            confusion = F.one_hot(best, num_classes=5).sum(dim=0)
            top = output.softmax(dim=-1).topk(2, dim=1).values
    state = dict(model.named_buffers())
    running = state["features.1.running_mean"].abs().sum().item()
    tail = [total, running, optimizer.param_groups[0]["lr"], float(top.mean())]
    return losses, [*tail, *confusion.tolist(), correct / seen, count]
