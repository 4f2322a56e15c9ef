"""List of the commands of `zfnet`: where each one's function is, and a line about it."""

from __future__ import annotations

from collections.abc import Mapping

from zfnet.cli.on_demand import Entry

GENERAL: Mapping[str, Entry] = {
    "tour": Entry(
        "zfnet.cli.tour:tour_command",
        "Look into the pretrained network, then train another one on drawn scenes.",
    ),
    "look": Entry(
        "zfnet.cli.look:look_command",
        "Look into a network in the browser: maps, projections, occlusion, live.",
    ),
    "train": Entry(
        "zfnet.cli.train:train_command",
        "Train a network; Ctrl-C stops it, --resume continues it, to the same weights bit for bit.",
    ),
    "check-run": Entry(
        "zfnet.cli.check_run:check_run_command",
        "Say which files of a run are whole, to the last byte, and change nothing.",
    ),
    "evaluate": Entry(
        "zfnet.cli.evaluate:evaluate_command",
        "Print the top-1 and top-5 error of a network, or of several averaged (Table 2).",
    ),
    "compare-rules": Entry(
        "zfnet.cli.compare_rules:compare_rules_command",
        "Do the pictures of attribution methods say anything? Deletion, random weights, pointing.",
    ),
    "project": Entry(
        "zfnet.cli.features:project_command",
        "Project one unit of a layer down to the pixels of each picture.",
    ),
    "import": Entry(
        "zfnet.cli.import_:import_command",
        "Convert a network that was trained elsewhere into a run for the other commands.",
    ),
    "show": Entry(
        "zfnet.cli.show:show_command",
        "Print a network's layers, their receptive fields, its preprocessing and its classes.",
    ),
    "export": Entry(
        "zfnet.cli.export:export_command",
        "Write a network to ONNX, or its weights under the names that PyTorch would have for them.",
    ),
}
"""Networks: their training, their files, and single units."""
EXPERIMENTS: Mapping[str, Entry] = {
    "features": Entry(
        "zfnet.cli.features:features_command",
        "For maps of each layer: the nine strongest activations, projected (Fig 2).",
    ),
    "evolution": Entry(
        "zfnet.cli.evolution:evolution_command",
        "Each map's strongest activation, projected, at every epoch that a run kept (Fig 4).",
    ),
    "invariance": Entry(
        "zfnet.cli.invariance:invariance_command",
        "Distances of features under shifts, scales and rotations (Fig 5).",
    ),
    "first-layer": Entry(
        "zfnet.cli.first_layer:first_layer_command",
        "First-layer filters: dead, dominating, aliased (Fig 6).",
    ),
    "occlusion": Entry(
        "zfnet.cli.occlusion:occlusion_command",
        "Slide a grey square over images: which outputs fall, and which class wins (Fig 7).",
    ),
    "correspondence": Entry(
        "zfnet.cli.correspondence:correspondence_command",
        "Hide the same part in images of a class: do their features change alike (Fig 8, Table 1)?",
    ),
    "ablation": Entry(
        "zfnet.cli.ablation:ablation_command",
        "Train networks with layers removed, resized and averaged (Tables 2 and 3).",
    ),
    "transfer": Entry(
        "zfnet.cli.transfer:transfer_command",
        "A trained network's layers with a new softmax, against training from scratch (Fig 9)",
    ),
    "layers": Entry(
        "zfnet.cli.layers:layers_command",
        "Linear classifiers on each layer's features: do deeper ones separate better? (Table 7)",
    ),
    "paper": Entry(
        "zfnet.cli.paper:paper_command",
        "All figures and tables of the paper, and one report of them.",
    ),
    "check": Entry(
        "zfnet.cli.check:check_command",
        "The paper's trends, measured over seeds where the truth is known, each with a verdict.",
    ),
}
"""The paper's experiments, and the report of all of them."""
