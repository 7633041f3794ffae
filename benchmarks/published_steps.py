"""The machine as the published implementation steps through it, with the weights of a `cofire.CTM`: a peer to measure.

Per tick it projects the query twice and the keys and values anew (torch's MultiheadAttention with its weights),
concatenates [o; z] and the history of all pre-activations, applies the neuron-level models by einsum over weights
(in, out, D), and updates and reads both synchronisations and the answer. Only benchmarks use it; the plain definition
that tests use is tests/oracles/ctm.py.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cofire import CTM
from cofire.ctm import SynapseUNet


class NeuronLayer(nn.Module):
    """One private affine map per neuron, weights (in, out, D)."""

    def __init__(self, layer: nn.Module):
        super().__init__()
        self.w1 = nn.Parameter(layer.weight.detach().permute(2, 1, 0).contiguous())
        self.b1 = nn.Parameter(layer.bias.detach()[None].clone())
        self.T = nn.Parameter(layer.temperature.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        return (torch.einsum("BDM,MHD->BDH", x, self.w1) + self.b1) / self.T


class PublishedSteps(nn.Module):
    """The same machine as `model`, stepped through as published."""

    def __init__(self, model: CTM):
        super().__init__()
        config = model.config
        self.config, self.source = config, [model]  # in a list: its weights are not this module's
        self.backbone, self.position = model.backbone, model.position
        width, heads = config.attention.width, config.attention.heads
        reader = model.attention
        self.kv_proj = nn.Sequential(reader.tokens, reader.tokens_norm)
        self.q_proj = reader.query
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        parts = (reader.query_in, reader.key_in, reader.value_in)
        with torch.no_grad():
            self.attention.in_proj_weight.copy_(torch.cat([part.weight for part in parts]))
            self.attention.in_proj_bias.copy_(torch.cat([part.bias for part in parts]))
        self.attention.out_proj = reader.out
        self.synapse = model.synapse
        self.trace_processor = nn.ModuleList(NeuronLayer(layer) for layer in model.neuron_models.layers)
        self.start_trace, self.start_state = model.start_window, model.start_activation
        self.decays = nn.ParameterList([model.sync_out.decay, model.sync_action.decay])
        self.pairs = [model.sync_out.pairs(), model.sync_action.pairs()]
        self.out = model.answer

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, out, T) and certainties (B, T)."""
        features = self.backbone(x)
        if self.position is not None:
            features = features + self.position(features)
        kv = self.kv_proj(features.flatten(1, -2))
        batch = len(x)
        trace = self.start_trace[None].expand(batch, -1, -1)
        z = self.start_state[None].expand(batch, -1)
        r_out, r_action = (torch.exp(-decay.clamp(0, 15))[None].repeat(batch, 1) for decay in self.decays)
        alpha_out, beta_out, _ = self.synchronise(z, None, None, r_out, 0)
        alpha, beta = None, None
        logits, certainties = [], []
        for _ in range(self.config.ticks):
            alpha, beta, action = self.synchronise(z, alpha, beta, r_action, 1)
            q = self.q_proj(action).unsqueeze(1)
            seen, _ = self.attention(q, kv, kv, average_attn_weights=False, need_weights=True)
            pre = self.synapses(torch.cat([seen.squeeze(1), z], -1))
            trace = torch.cat([trace[:, :, 1:], pre.unsqueeze(-1)], -1)
            z = self.neuron_models(trace)
            alpha_out, beta_out, out = self.synchronise(z, alpha_out, beta_out, r_out, 0)
            y = self.out(out)
            p = y.reshape(batch, self.config.answer.positions, -1).softmax(-1)
            entropy = -(p * torch.log(p + 1e-12)).sum(-1) / torch.log(torch.tensor(float(p.shape[-1])))
            logits.append(y)
            certainties.append(1 - entropy.mean(-1))
        return torch.stack(logits, -1), torch.stack(certainties, -1)

    def synchronise(self, z, alpha, beta, r, side):
        left, right = self.pairs[side]
        product = z[:, left] * z[:, right]
        if alpha is None:
            alpha, beta = product, torch.ones_like(product)
        else:
            alpha, beta = r * alpha + product, r * beta + 1
        return alpha, beta, alpha / torch.sqrt(beta)

    def synapses(self, x: Tensor) -> Tensor:
        part = self.synapse
        if not isinstance(self.config.synapse, SynapseUNet):
            return part.norm(F.glu(part.first(x), -1))
        skips = [F.silu(part.norm(part.first(x)))]
        for step in part.down:
            skips.append(F.silu(step.norm(step.linear(skips[-1]))))
        x = skips[-1]
        for level in range(len(part.up) - 1, -1, -1):
            step = part.up[level]
            x = part.skip_norms[level](F.silu(step.norm(step.linear(x))) + skips[level])
        return x

    def neuron_models(self, trace: Tensor) -> Tensor:
        for layer in self.trace_processor:
            trace = F.glu(layer(trace), -1)
        return trace.squeeze(-1)
