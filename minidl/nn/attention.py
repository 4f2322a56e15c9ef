"""Multi-head attention and the transformer's encoder (Vaswani et al. 2017), named as in PyTorch."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from minidl import functional as F
from minidl.functional import arguments
from minidl.functional.attention import attention_weights
from minidl.nn.containers import ModuleList
from minidl.nn.init import xavier_uniform_
from minidl.nn.layers import Dropout, Linear
from minidl.nn.module import Module, Parameter
from minidl.nn.normalisation import LayerNorm
from minidl.tensor import Tensor

Mask = Tensor | np.ndarray | None
ACTIVATIONS = {"relu": F.relu, "gelu": F.gelu}


class MultiheadAttention(Module):
    """Attention of `num_heads` parts of E / num_heads features each.

    Its arrays have PyTorch's names and shapes: in_proj_weight (3E,E) of query, key and value,
    in_proj_bias (3E,), out_proj. Sequences are (L,N,E), with `batch_first` (N,L,E), or (L,E).
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        *,
        batch_first: bool = False,
        rng: np.random.Generator | None = None,
    ) -> None:
        E = arguments.integer(embed_dim, "MultiheadAttention: embed_dim", least=1)
        heads = arguments.integer(num_heads, "MultiheadAttention: num_heads", least=1)
        if E % heads:
            raise ValueError(f"MultiheadAttention: {heads} heads do not divide embed_dim {E}")
        self.embed_dim, self.num_heads = E, heads
        self.dropout = arguments.number(dropout, "MultiheadAttention: dropout")
        self.batch_first = arguments.flag(batch_first, "MultiheadAttention: batch_first")
        self.in_proj_weight = Parameter(np.zeros((3 * E, E), np.float32))
        xavier_uniform_(self.in_proj_weight, generator=rng)
        wanted = arguments.flag(bias, "MultiheadAttention: bias")
        self.in_proj_bias = Parameter(np.zeros(3 * E, np.float32)) if wanted else None
        self.out_proj = Linear(E, E, bias, rng=rng)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Mask = None,
        need_weights: bool = True,
        attn_mask: Mask = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """The attended values, as query, and the weights (N,L,S) or None without need_weights.

        key_padding_mask (N,S) and attn_mask (L,S) or (N num_heads,L,S): booleans are True where a
        place takes no part (the reverse of `scaled_dot_product_attention`), numbers are added.
        average_attn_weights: the mean over the heads; without it (N,num_heads,L,S). is_causal says
        that attn_mask is the causal one, and may stand without it.
        """
        single = query.ndim == 2
        q, k, v = (self._batched(x, single) for x in (query, key, value))  # (N,L,E), (N,S,E)
        N, L, E = q.shape
        parts = [self._heads(x, i) for i, x in enumerate((q, k, v))]  # (N,heads,L,E/heads)
        mask = self._mask(key_padding_mask, attn_mask, (N, L, k.shape[1]), q)
        causal = is_causal and mask is None
        weights = attention_weights(parts[0], parts[1], mask, causal)
        if self.training and self.dropout:
            weights = F.dropout(weights, self.dropout)
        # (N,heads,L,S) x (N,heads,S,E/heads) -> (N,L,heads,E/heads) -> (N,L,E)
        y = self.out_proj((weights @ parts[2]).transpose(1, 2).reshape(N, L, E))
        shown = None
        if need_weights:
            shown = weights.mean(1) if average_attn_weights else weights
            shown = shown[0] if single else shown
        return y[0] if single else y if self.batch_first else y.transpose(0, 1), shown

    def _batched(self, x: Tensor, single: bool) -> Tensor:
        arguments.tensor(x, "MultiheadAttention", "each of query, key and value")
        if x.ndim != 3 - single or x.shape[-1] != self.embed_dim:
            axes = "(N,L,E)" if self.batch_first else "(L,N,E)"
            raise ValueError(
                f"MultiheadAttention: takes {axes}, or (L,E) of one sequence, with "
                f"E = {self.embed_dim}, got {x.shape}"
            )
        return x.unsqueeze(0) if single else x if self.batch_first else x.transpose(0, 1)

    def _heads(self, x: Tensor, number: int) -> Tensor:
        """Queries, keys or values of each head: (N,L,E) -> (N,heads,L,E/heads)."""
        E = self.embed_dim
        own = slice(number * E, (number + 1) * E)
        bias = None if self.in_proj_bias is None else self.in_proj_bias[own]
        y = F.linear(x, self.in_proj_weight[own], bias)
        return y.reshape(*y.shape[:2], self.num_heads, -1).transpose(1, 2)

    def _mask(
        self, padding: Mask, attention: Mask, shape: tuple[int, int, int], like: Tensor
    ) -> Tensor | None:
        """Numbers that are added to the scores (N,heads,L,S)."""
        N, L, S = shape
        found = None
        if attention is not None:
            found = _added(attention, like)
            if found.ndim == 3:  # (N heads,L,S) -> (N,heads,L,S)
                found = found.reshape(N, self.num_heads, L, S)
        if padding is not None:
            other = _added(padding, like).reshape(N, 1, 1, S)  # (N,S) -> (N,1,1,S)
            found = other if found is None else found + other
        return found

    def extra_repr(self) -> str:
        return f"embed_dim={self.embed_dim}, num_heads={self.num_heads}"


def _added(mask: Tensor | np.ndarray, like: Tensor) -> Tensor:
    """A mask as numbers that are added: minus infinity where it is True."""
    array = mask._array if isinstance(mask, Tensor) else np.asarray(mask)
    if array.dtype == bool:
        return Tensor(np.where(array, -np.inf, 0.0).astype(like.dtype)).to(like.device)
    return mask if isinstance(mask, Tensor) else Tensor(array.astype(like.dtype)).to(like.device)


class TransformerEncoderLayer(Module):
    """Self-attention, then two linear layers, each with a sum around it and a layer normalisation
    behind the sum, or before the layers with `norm_first` (Xiong et al. 2020)."""

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Any = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
    ) -> None:
        if not callable(activation):
            activation = ACTIVATIONS[
                arguments.one_of(activation, tuple(ACTIVATIONS), "activation of the layer")
            ]
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, bias, batch_first=batch_first)
        self.linear1 = Linear(d_model, dim_feedforward, bias)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias)
        self.norm1 = LayerNorm(d_model, layer_norm_eps, bias=bias)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, bias=bias)
        self.dropout1, self.dropout2 = Dropout(dropout), Dropout(dropout)
        self.norm_first, self.activation = norm_first, activation

    def forward(
        self,
        src: Tensor,
        src_mask: Mask = None,
        src_key_padding_mask: Mask = None,
        is_causal: bool = False,
    ) -> Tensor:
        """A sequence of src's shape; the masks are those of `MultiheadAttention`."""
        masks = (src_mask, src_key_padding_mask, is_causal)
        if self.norm_first:
            src = src + self._attend(self.norm1(src), *masks)
            return src + self._feed(self.norm2(src))
        src = self.norm1(src + self._attend(src, *masks))
        return self.norm2(src + self._feed(src))

    def _attend(self, x: Tensor, mask: Mask, padding: Mask, is_causal: bool) -> Tensor:
        y, _ = self.self_attn(x, x, x, padding, False, mask, is_causal=is_causal)
        return self.dropout1(y)

    def _feed(self, x: Tensor) -> Tensor:
        y = self.linear2(self.dropout(self.activation(self.linear1(x))))
        return self.dropout2(y)


class TransformerEncoder(Module):
    """`num_layers` copies of a layer, one after the other, and perhaps a normalisation."""

    def __init__(
        self,
        encoder_layer: TransformerEncoderLayer,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = False,
    ) -> None:
        count = arguments.integer(num_layers, "TransformerEncoder: num_layers", least=0)
        self.layers = ModuleList([copy.deepcopy(encoder_layer) for _ in range(count)])
        self.norm = norm

    def forward(
        self,
        src: Tensor,
        mask: Mask = None,
        src_key_padding_mask: Mask = None,
        is_causal: bool = False,
    ) -> Tensor:
        """A sequence of src's shape."""
        for layer in self.layers:
            src = layer(src, mask, src_key_padding_mask, is_causal)
        return src if self.norm is None else self.norm(src)
