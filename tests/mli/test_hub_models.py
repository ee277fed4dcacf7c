"""Models of transformers and adapters of PEFT, tiny ones built on the spot: no hub is needed.

Skipped where the libraries (the extra `hf`) are not installed.
"""

import json
import warnings

import numpy as np
import pytest
import torch
import xarray as xr
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the libraries' own imports
    transformers = pytest.importorskip("transformers")
    peft = pytest.importorskip("peft")

from mli.commands.application import app
from mli.hub_models import HubModel
from mli.user_checkpoints import load_end
from mli.user_network import load_start, network_from_factory
from simulations.curves import interpolation_curves
from simulations.models import checkpoint_files
from tests.plain_line import cross_entropy

# What the libraries say of themselves, of each other and of torch is not ours to mend.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:peft"),
]

SMALL = {"num_hidden_layers": 2, "num_attention_heads": 2, "hidden_size": 8, "intermediate_size": 16}
WORDS = {"vocab_size": 40, "max_position_embeddings": 12, "pad_token_id": 0}
TOKENS = {"bos_token_id": 1, "eos_token_id": 2}
GPT2 = {"vocab_size": 40, "n_positions": 12, "n_embd": 8, "n_layer": 2, "n_head": 2, **TOKENS}
KINDS = {
    "tied words": ("GPT2LMHeadModel", "GPT2Config", GPT2),
    "sharded words": ("LlamaForCausalLM", "LlamaConfig", SMALL | WORDS | TOKENS | {"num_key_value_heads": 1}),
    "sequences": ("BertForSequenceClassification", "BertConfig", SMALL | WORDS | {"num_labels": 3}),
    "images": (  # its names in files are older ones than the module's
        "ViTForImageClassification",
        "ViTConfig",
        SMALL | {"image_size": 8, "patch_size": 4, "num_channels": 1, "num_labels": 10},
    ),
}


def made(name, seed):
    """The library's own network under a seed."""
    network, config, options = KINDS[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return getattr(transformers, network)(getattr(transformers, config)(**options)).eval()


def saved(name, folder, seed=5):
    model = made(name, seed)
    model.save_pretrained(folder, max_shard_size="3KB" if name == "sharded words" else "1GB")
    return model


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("name", KINDS)
def test_a_folder_gives_network_end_and_a_start_drawn_by_seed(name, tmp_path):
    model = saved(name, tmp_path)
    assert (len(list(tmp_path.glob("*.safetensors"))) > 1) == (name == "sharded words")
    factory = HubModel(f"hf:{tmp_path}")
    network = network_from_factory(factory, 5)
    assert not network.training
    assert same(network.state_dict(), model.state_dict())
    before = torch.random.get_rng_state()
    end = load_end(tmp_path, network, factory=factory)
    assert torch.equal(before, torch.random.get_rng_state())
    assert same(end, model.state_dict())
    start, line = load_start("init:3", factory, network, end)
    assert same(start, made(name, 3).state_dict())
    assert line.startswith("The start is re-drawn")
    assert "every torch seed" not in line


def test_the_line_of_a_language_model_is_a_plain_loops(tmp_path):
    saved("tied words", tmp_path / "model")
    rng = np.random.default_rng(19)
    tokens = rng.integers(0, 40, (6, 9))
    np.savez(tmp_path / "text.npz", inputs=tokens[:, :-1], labels=tokens[:, 1:])
    words = ["curve", "--model", f"hf:{tmp_path / 'model'}", "--end", f"hf:{tmp_path / 'model'}"]
    words += ["--data", str(tmp_path / "text.npz"), "--start", "init:1", "--alphas", "5"]
    ran = CliRunner().invoke(app, [*words, "--output", str(tmp_path / "line.nc")])
    assert ran.exit_code == 0, ran.output
    with xr.open_dataset(tmp_path / "line.nc") as opened:
        rows = opened.load()
    ends = [made("tied words", seed).state_dict() for seed in (1, 5)]
    network = made("tied words", 0)
    for alpha, loss in zip(rows.alpha.values, rows.loss.values, strict=True):
        network.load_state_dict({n: t + float(alpha) * (ends[1][n] - t) for n, t in ends[0].items()})
        with torch.no_grad():
            logits = network(torch.as_tensor(tokens[:, :-1])).logits.double().numpy()
        assert loss == pytest.approx(
            cross_entropy(logits.reshape(-1, 40), tokens[:, 1:].reshape(-1)), abs=1e-5
        )
    ran = CliRunner().invoke(app, ["curve", *words[1:], "--output", "line.nc", "--dry-run"])
    assert ran.exit_code == 0, ran.output


ADAPTERS = {
    "lora": lambda: peft.LoraConfig(
        r=2, target_modules=["q_proj", "down_proj"], modules_to_save=["lm_head"], init_lora_weights=False
    ),
    "ia3": lambda: peft.IA3Config(
        target_modules=["q_proj", "down_proj"], feedforward_modules=["down_proj"], init_ia3_weights=False
    ),
}


@pytest.mark.parametrize("kind", ADAPTERS)
def test_an_adapter_merged_into_its_base_says_what_the_adapted_network_says(kind, tmp_path):
    base = saved("sharded words", tmp_path / "base")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(19)
        adapted = peft.get_peft_model(base, ADAPTERS[kind]())
        for parameter in adapted.parameters():
            if parameter.requires_grad:
                parameter.data += 0.3 * torch.randn_like(parameter)
    adapted.save_pretrained(tmp_path / "adapter")
    factory = HubModel(f"hf:{tmp_path / 'base'}")
    network = factory()
    network.load_state_dict(load_end(tmp_path / "adapter", network, factory=factory))
    tokens = torch.arange(20).reshape(2, 10)
    with torch.no_grad():
        expected, found = adapted.eval()(tokens).logits, network(tokens).logits
        plain = made("sharded words", 5)(tokens).logits
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    assert (found - plain).abs().max() > 1e-3
    with pytest.raises(ValueError, match=r"is an adapter, .* name that one, --model hf:FOLDER"):
        load_end(tmp_path / "adapter", network, factory=lambda: network)
    with pytest.raises(ValueError, match="is an adapter: name the model that it changes"):
        HubModel(f"hf:{tmp_path / 'adapter'}")
    saved("tied words", tmp_path / "other")
    other = HubModel(f"hf:{tmp_path / 'other'}")
    with pytest.raises(ValueError, match=r"is no adapter of hf:.*other") as refused:
        load_end(tmp_path / "adapter", other(), factory=other)
    assert "\n" not in str(refused.value)


def test_an_adapter_that_changes_no_weights_or_lacks_some_or_would_import_is_refused(tmp_path, monkeypatch):
    base = saved("sharded words", tmp_path / "base")
    factory = HubModel(f"hf:{tmp_path / 'base'}")
    prompt = peft.get_peft_model(base, peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=2))
    prompt.save_pretrained(tmp_path / "prompt")
    with pytest.raises(ValueError, match="of kind PROMPT_TUNING, which changes no weights"):
        load_end(tmp_path / "prompt", base, factory=factory)
    peft.get_peft_model(made("sharded words", 5), ADAPTERS["ia3"]()).save_pretrained(tmp_path / "adapter")
    file = tmp_path / "adapter" / "adapter_config.json"
    told = json.loads(file.read_text())
    file.write_text(json.dumps(told | {"target_modules": ["q_proj", "v_proj", "down_proj"]}))
    with pytest.raises(ValueError, match=r"is no adapter of .*: it differs in \[.*v_proj"):
        load_end(tmp_path / "adapter", base, factory=factory)
    file.write_text(json.dumps(told | {"megatron_config": {"a": 1}, "megatron_core": "antigravity"}))
    with pytest.raises(ValueError, match="it is of Megatron, which is not merged"):
        load_end(tmp_path / "adapter", base, factory=factory)
    file.write_text(json.dumps(told))
    names = {f"unknown.{number}": torch.zeros(1) for number in range(1000)}
    save_file(names, tmp_path / "adapter" / "adapter_model.safetensors")
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint_files, "_one_file", None)  # from the header: no tensor is read
        with pytest.raises(ValueError, match=r"it differs in \[.* and \d+ more"):
            load_end(tmp_path / "adapter", base, factory=factory)
    (tmp_path / "adapter" / "adapter_model.safetensors").rename(tmp_path / "adapter" / "adapter_model.bin")
    with pytest.raises(ValueError, match=r"has no adapter_model\.safetensors: save the adapter as"):
        load_end(tmp_path / "adapter", base, factory=factory)


def changed(folder, **values):
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda folder: (folder / "config.json").unlink(), "has no config.json"),
        (lambda folder: (folder / "config.json").write_text("{"), "its config.json is not understood"),
        (lambda folder: changed(folder, model_type="no_such"), "its config.json is not understood"),
        (
            lambda folder: changed(folder, architectures=None),
            r"one architecture that ends in .*, it names \[\]",
        ),
        (lambda folder: changed(folder, architectures=5), r"(it names \[\]|is not understood)"),
        (
            lambda folder: changed(folder, architectures=["A" * 999 + "ForCausalLM"]),
            r"names 'A{50,150}\.\.\.",
        ),
        (lambda folder: changed(folder, architectures=["BertModel"]), r"it names \['?BertModel"),
        (lambda folder: changed(folder, architectures=["LlamaForCausalLM"]), "transformers makes a Bert"),
        (lambda folder: changed(folder, num_hidden_layers=10**9), r"num_hidden_layers = 1e\+09, more than"),
        (lambda folder: changed(folder, num_labels=10**9), r"num_labels = 1e\+09, more than 1,000,000"),
        (lambda folder: changed(folder, hidden_size=-3), "its config.json makes no network"),
        (
            lambda folder: changed(
                folder,
                model_type="theirs",
                auto_map={"AutoConfig": "code.Config", "AutoModelForSequenceClassification": "code.Model"},
            ),
            "its config.json is not understood",
        ),
    ],
)
def test_a_folder_that_names_no_network_is_refused_and_its_code_is_not_run(harm, message, tmp_path):
    saved("sequences", tmp_path)
    (tmp_path / "code.py").write_text("raise SystemExit('the code was run')")
    harm(tmp_path)
    with pytest.raises(ValueError, match=message) as refused:
        network_from_factory(HubModel(f"hf:{tmp_path}"))
    assert "\n" not in str(refused.value)


def test_weights_of_another_network_or_type_are_refused(tmp_path):
    saved("sequences", tmp_path / "a")
    saved("sharded words", tmp_path / "b")
    factory = HubModel(f"hf:{tmp_path / 'a'}")
    network = factory()
    with pytest.raises(ValueError, match=r"does not fit hf:.*: it (lacks|also has) \["):
        load_end(tmp_path / "b", network, factory=factory)
    changed(tmp_path / "a", dtype="bfloat16", torch_dtype="bfloat16")
    other = HubModel(f"hf:{tmp_path / 'a'}")
    with pytest.raises(ValueError, match=r"numbers of float32, .* is of bfloat16: set dtype there"):
        load_end(tmp_path / "a", other(), factory=other)
    file = tmp_path / "a" / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ValueError, match="is damaged"):
        load_end(tmp_path / "a", network, factory=factory)


def through_the_index(folder):
    index = folder / "model.safetensors.index.json"
    told = json.loads(index.read_text())
    one = min(told["weight_map"].values())
    torch.save(load_file(folder / one), folder / "pickle.bin")
    (folder / one).unlink()
    told["weight_map"] = {k: "pickle.bin" if v == one else v for k, v in told["weight_map"].items()}
    index.write_text(json.dumps(told))


def through_the_configuration(folder):
    torch.save(made("sharded words", 5).state_dict(), folder / "pickle.bin")
    changed(folder, transformers_weights="pickle.bin")


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (through_the_index, r"must name \.safetensors files that lie beside it"),
        (through_the_configuration, "names the weights 'pickle.bin', which must be a .safetensors file"),
    ],
)
def test_no_pickle_is_read_that_an_index_or_the_configuration_names(harm, message, tmp_path, monkeypatch):
    """transformers would unpickle it: tensors alone, but nobody has asked for a pickle."""
    saved("sharded words", tmp_path)
    harm(tmp_path)
    factory = HubModel(f"hf:{tmp_path}")
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("a pickle was read"))
    with pytest.raises(ValueError, match=message) as refused:
        load_end(tmp_path, factory(), factory=factory)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("kind", ["MULTITASK_PROMPT_TUNING", "XLORA"])
def test_an_adapter_of_a_kind_that_reads_further_files_is_refused_before_it_does(kind, tmp_path, monkeypatch):
    saved("sharded words", tmp_path / "base")
    torch.save({"prompt_embeddings": torch.zeros(2, 8)}, tmp_path / "pickle.bin")
    folder = tmp_path / "adapter"
    folder.mkdir()
    save_file({"a": torch.zeros(1)}, folder / "adapter_model.safetensors")
    told = {"peft_type": kind, "task_type": "CAUSAL_LM", "num_virtual_tokens": 2, "num_tasks": 1}
    told |= {"prompt_tuning_init": "ONLY_SOURCE_SHARED", "hidden_size": 8, "token_dim": 8}
    told |= {"prompt_tuning_init_state_dict_path": str(tmp_path / "pickle.bin")}
    told |= {"adapters": {"a": str(tmp_path / "elsewhere")}}
    (folder / "adapter_config.json").write_text(json.dumps(told))
    factory = HubModel(f"hf:{tmp_path / 'base'}")
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("a pickle was read"))
    with pytest.raises(ValueError, match=rf"of kind {kind}, which changes no weights") as refused:
        load_end(folder, factory(), factory=factory)
    assert "\n" not in str(refused.value)


def test_neither_folder_nor_name_and_a_hub_that_is_not_there(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for word, message in (
        ("hf:no/such/folder", "there is no folder no/such/folder, and it is no name on the hub"),
        ("hf:./none", "it is no name on the hub"),
        ("hf:nobody/nothing-at-all", "and the hub did not give it: "),
    ):
        with pytest.raises(ValueError, match=message) as refused:
            HubModel(word)
        assert "\n" not in str(refused.value)


def test_a_classifier_on_a_path_of_its_own_through_python(tmp_path):
    """Mappings of arguments with labels, as its tokenizers give them."""
    saved("sequences", tmp_path)
    factory = HubModel(f"hf:{tmp_path}")
    tokens = torch.arange(24).reshape(4, 6)
    batch = {"input_ids": tokens, "attention_mask": torch.ones(4, 6), "labels": torch.tensor([0, 1, 2, 0])}
    end = load_end(tmp_path, factory(), factory=factory)
    start = made("sequences", 1).state_dict()
    found = interpolation_curves(factory(), start, end, [batch], alphas=[0.0, 0.5, 1.0])
    network = made("sequences", 0)
    network.load_state_dict({n: (start[n] + end[n]) / 2 for n in start})
    with torch.no_grad():
        logits = network(tokens, attention_mask=batch["attention_mask"]).logits.double().numpy()
    assert float(found.loss[1]) == pytest.approx(cross_entropy(logits, batch["labels"].numpy()), abs=1e-5)
