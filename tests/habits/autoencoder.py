"""A convolutional autoencoder with transposed convolutions, hooks, AdamW and writes in place.

Written for PyTorch; `test_scripts.py` runs it under minidl too, with these imports swapped.
"""

import torch
import torch.nn.functional as F
from torch import nn, optim
from torch.optim.lr_scheduler import ExponentialLR, LambdaLR, MultiStepLR


class AutoEncoder(nn.Module):
    def __init__(self, latent=6):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 4, 3, stride=2, padding=1),
            nn.BatchNorm2d(4),
            nn.LeakyReLU(0.1),
            nn.Conv2d(4, 8, 3, stride=2, padding=1),
            nn.ReLU(),
        )
        self.to_latent = nn.Linear(8 * 4 * 4, latent)
        self.norm = nn.BatchNorm1d(latent)
        self.mix = nn.Conv1d(1, 2, 3, padding=1)
        self.from_latent = nn.Linear(2 * latent, 8 * 4 * 4)
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(8, 4, 3, stride=2, padding=1, output_padding=1),
            nn.Tanh(),
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
            nn.ConvTranspose2d(4, 2, 3, padding=1, groups=2),
            nn.Identity(),
            nn.Conv2d(2, 1, 3, padding=1),
        )
        self.slope = nn.Parameter(torch.ones(1))

    def forward(self, x):
        h = self.encoder(x)
        z = self.norm(self.to_latent(h.view(h.size(0), -1)))
        m = self.mix(z.unsqueeze(1)).permute(0, 2, 1).contiguous()
        h = self.from_latent(m.flatten(start_dim=1)).reshape(-1, 8, 4, 4)
        out = self.decoder(F.gelu(h)) * self.slope
        return out, z


def run(load_weights, images, dtype, steps):
    torch.manual_seed(2)
    model = AutoEncoder().to(dtype)
    load_weights(model)

    seen, gradients = [], []
    handle = model.encoder[1].register_forward_hook(
        lambda module, inputs, output: seen.append(output.detach().clone().mean().item())
    )
    backward = model.decoder[0].register_full_backward_hook(
        lambda module, grad_input, grad_output: gradients.append(grad_output[0].abs().sum().item())
    )

    optimizer = optim.AdamW(model.parameters(), lr=5e-3)
    schedule = MultiStepLR(optimizer, milestones=[6, 12], gamma=0.3)
    decay = ExponentialLR(optimizer, gamma=0.99)
    LambdaLR(optim.SGD([model.slope], lr=1.0), lr_lambda=lambda epoch: 0.9**epoch)
    mse, l1, bce = nn.MSELoss(), nn.L1Loss(), nn.BCEWithLogitsLoss()

    x = torch.from_numpy(images).to(dtype)
    target = x.clone()
    target[:, :, 0] = 0.0
    target[target < -1] = -1.0
    mask = (x > 0).to(dtype)
    noise = torch.linspace(-0.1, 0.1, x.numel(), dtype=dtype).reshape(x.shape)

    losses = []
    for step in range(steps):
        model.zero_grad()
        padded = F.pad(x + noise, (1, 1, 1, 1), mode="reflect")[:, :, 1:-1, 1:-1]
        recon, z = model(padded)
        loss = mse(recon, target)
        loss += 0.1 * l1(recon, target)
        loss = loss + 0.05 * bce(recon, mask) + 1e-3 * z.pow(2).sum(dim=1).mean()
        small = F.interpolate(recon, scale_factor=0.5, mode="nearest")
        loss = loss + 0.1 * F.mse_loss(small, F.avg_pool2d(target, 2))
        loss = loss + 1e-3 * (z.exp().clamp(max=3.0) + (z.abs() + 1).log().sqrt()).mean()
        loss.backward()
        if step == 3:
            with torch.no_grad():
                for p in model.mix.parameters():
                    p -= 0.01 * p.grad
                model.slope.mul_(0.9).add_(0.05)
        optimizer.step()
        schedule.step()
        decay.step()
        losses.append(loss.item())

    handle.remove()
    backward.remove()
    for p in model.encoder.parameters():
        p.requires_grad = False
    model.zero_grad()
    model(x)[0].sum().backward()
    frozen = all(p.grad is None for p in model.encoder.parameters())
    wanted = torch.zeros(2, 2, dtype=dtype, requires_grad=True)
    (gradient,) = torch.autograd.grad((wanted * wanted + wanted).sum(), [wanted])
    tail = [len(seen), *seen[:3], *gradients[:3], float(frozen), gradient.sum().item()]
    return losses, [*tail, optimizer.param_groups[0]["lr"], len(list(model.named_parameters()))]
