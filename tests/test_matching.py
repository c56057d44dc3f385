"""Which papers a profile wants, by which words, and at which places."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from notifier.papers.paper import Paper
from notifier.papers.text import tokens
from notifier.profiles.hits import Match, match
from notifier.profiles.indexed import IndexedPaper
from notifier.profiles.parser import parse
from notifier.profiles.rules import format_rules
from tests import grammar
from tests.builders import a_match, a_paper

Words = list[str] | None


def found(rules: str, title: str = "", abstract: str = "", **values: Any) -> Words:
    """Return the words that hit, in the order of the hits, or None without a match."""
    assert not parse(rules).problems
    matched = a_match(rules, a_paper(title, abstract, **values))
    return [word for hit in matched.hits for word in hit.words] if matched else None


TEXTS: list[tuple[str, str, Words]] = [
    # no substring ever matches
    ("ai", "we maintain code", None),
    ("ai", "Explainable AI", ["AI"]),
    ("cat", "a new category", None),
    ("cat", "cats and a cat", ["cats", "cat"]),
    ("Rust", "Trust in models", None),
    ("Rust", "written in rust", ["rust"]),
    ("DeFi", "Defined terms", None),
    ("DeFi", "the defi market", ["defi"]),
    ("ets", "large datasets", None),
    ("ets", "Doe et al.", None),
    ("et", "datasets, ets and bet", None),
    ("et", "Doe et al.", ["et"]),
    ("agent", "reagent", None),
    ("learning", "unlearning", None),
    ("NSO Group", "the NSO Group was sued", ["NSO Group"]),
    ("NSO Group", "NSO is not a group", None),
    ("NSO Group", "a group, NSO", None),
    ("NSO Group", "the NSOGroup", None),
    ("ion", "ions of a region, ionic", ["ions"]),
    ("rat", "rats migrate at a rate", ["rats"]),
    ("art", "part of an article", None),
    ("node", "an electrode", None),
    ("BERT", "RoBERTa and ALBERT", None),
    ("BERT", "Bert, BERTs and BERT-like", ["BERTs", "BERT"]),
    ("RoBERTa", "roberta beats BERT", ["roberta"]),
    ("RNA", "mRNA and tRNAs", None),
    ("p53", "TP53", None),
    ("ICLR", "ICLR2024", None),
    ("port", "we report support for transport", None),
    ("eval", "medieval retrieval", None),
    # what only looks like a form of the word
    ("news", "new methods", None),
    ("new", "fake news", None),
    ("news", "fake news", ["news"]),
    ("physics", "physical systems", None),
    ("physical", "nuclear physics", None),
    ("physics", "Physics' limits", ["Physics"]),
    ("logistic regression", "logistics", None),
    ("logistics", "logistic regression", None),
    ("species", "special and specific", None),
    ("species", "two species", ["species"]),
    ("universe", "a university, universal", None),
    ("organ", "an organization", None),
    ("series", "serial, serious", None),
    ("policy", "the police", None),
    ("Bayes", "Bayesian", None),
    ("localization", "local minima", None),
    ("local", "localization", None),
    ("localization", "localised, localisations", ["localised", "localisations"]),
    ("visualization", "visual cues", None),
    ("generalization", "in general", None),
    ("optimization", "optimal", None),
    ("optimisation", "Optimization, optimized, optimizers",
     ["Optimization", "optimized", "optimizers"]),
    ("randomised controlled trial", "a randomized-controlled trial",
     ["randomized-controlled trial"]),
    ("organisation", "organizations, organizational", ["organizations", "organizational"]),
    ("self-supervised", "self-supervision", ["self-supervision"]),
    ("multimodal", "a multimode fibre, multi-mode", None),
    ("multimodal", "multimodality, multi-modalities", ["multimodality", "multi-modalities"]),
    # words of one line stand side by side, in order; plural, case and marks do not matter
    ("LLM agents", "An LLM agent", ["LLM agent"]),
    ("LLM agents", "LLMs' agents", ["LLMs' agents"]),
    ("LLM agents", "LLM-agents", ["LLM-agents"]),
    ("LLM agents", "agents of an LLM", None),
    ("neural network", "Neural  NETWORKS, again", ["Neural  NETWORKS"]),
    ("neural network", "neural. Network", ["neural. Network"]),
    ("network", "networks and network", ["networks", "network"]),
    ("meta-analysis", "two meta-analyses", ["meta-analyses"]),
    ("random matrix", "random matrices", ["random matrices"]),
    ("bias", "biases, unbiased", ["biases"]),
    ("lens", "lenses, a lens, lensing", ["lenses", "lens", "lensing"]),
    ("lenses", "a lens", ["lens"]),
    ("length", "a lens", None),
    ("gas", "gases", ["gases"]),
    ("virus", "viruses", ["viruses"]),
    ("corpus", "two corpora", ["corpora"]),
    ("thesis", "two theses; these", ["theses"]),
    ("axis", "three axes", ["axes"]),
    ("genus", "general genera", ["genera"]),
    ("mouse", "in mice", ["mice"]),
    ("helix", "alpha-helices", ["helices"]),
    ("women", "a woman", ["woman"]),
    ("mRNA", "mRNAs, mRNA’s", ["mRNAs", "mRNA’s"]),
    ("mrnas", "mRNA and mRNAs", ["mRNA", "mRNAs"]),
    ("siRNAs", "one siRNA", ["siRNA"]),
    ("dLLM", "two dLLMs, LLMs", ["dLLMs"]),
    ("LLM", "dLLMs and vLLM", None),
    ("modelling", "modeling", ["modeling"]),
    ("behavior", "behaviours, behavioural", ["behaviours", "behavioural"]),
    ("tumour", "tumors", ["tumors"]),
    ("fiber", "optical fibres", ["fibres"]),
    ("kilometer", "two kilometres", ["kilometres"]),
    ("Müller", "the Muller test", ["Muller"]),
    ("Muller", "the Müller test", ["Müller"]),
    ("Mu\u0308ller", "the Müller test", ["Müller"]),
    ("Müller", "the Mu\u0308ller test", ["Mu\u0308ller"]),
    ("Müller", "the Mullers test", ["Mullers"]),
    # an umlaut is also written as two letters
    ("Müller", "Mueller and Muellers", ["Mueller", "Muellers"]),
    ("Mueller", "Müller, Mu\u0308ller, MÜLLER", ["Müller", "Mu\u0308ller", "MÜLLER"]),
    ("Mueller", "Muller", None),
    ("Muller", "Mueller", None),
    ("Müller", "Möller, Miller", None),
    ("Schrödinger equation", "Schroedinger’s equations", ["Schroedinger’s equations"]),
    ("Schroedinger equation", "the Schrödinger equation", ["Schrödinger equation"]),
    ("Schrödinger", "Schrodinger", ["Schrodinger"]),
    ("Kähler-Einstein", "Kaehler–Einstein", ["Kaehler–Einstein"]),
    ("Kaehler-Einstein", "Kähler–Einstein", ["Kähler–Einstein"]),
    ("Müller-Schröder", "Mueller-Schröder", ["Mueller-Schröder"]),
    ("Muell*", "Müllers", ["Müllers"]),
    ("Müll*", "Muellers", ["Muellers"]),
    ('"Müller"', "Mueller, Muellers", ["Mueller"]),
    ('"Mueller"', "Müller, Müllers", ["Müller"]),
    ("Sørensen", "Soerensen", ["Soerensen"]),
    ("dual", "a duel, ein Duell", None),
    ("duel", "dual", None),
    ("quest", "a query, qust", None),
    ("blue", "blu", None),
    ("query", "qury", None),
    ("phoenix", "phonix", None),
    ("sued", "TÜV Süd", None),
    ("Süd", "he was sued", None),
    ("Weiß", "Weiss", ["Weiss"]),
    ("Erdős–Rényi", "Erdos-Renyi, Erdös Rényi", ["Erdos-Renyi", "Erdös Rényi"]),
    ("Erdos-Renyi", "Erdős–Rényi", ["Erdős–Rényi"]),
    ("Lojasiewicz", "Kurdyka–Łojasiewicz", ["Łojasiewicz"]),
    ("Łojasiewicz", "Lojasiewicz's", ["Lojasiewicz's"]),
    ("Ångström", "Angstrom, Angstroem", ["Angstrom", "Angstroem"]),
    ("naïve Bayes", "Naive Bayes", ["Naive Bayes"]),
    ("naive bayes", "Naïve Bayes’", ["Naïve Bayes"]),
    ("Alzheimer's disease", "Alzheimer’s disease", ["Alzheimer’s disease"]),
    ("Alzheimer disease", "ALZHEIMER'S DISEASE", ["ALZHEIMER'S DISEASE"]),
    ("R & D", "R&D costs", ["R&D"]),
    # all capitals of two to five letters keep their case
    ("RAG", "RAG works", ["RAG"]),
    ("RAG", "two RAGs", ["RAGs"]),
    ("RAG", "RAG's limits", ["RAG's"]),
    ("RAG", "a RAG-based tool", ["RAG"]),
    ("RAG", "a rag doll", None),
    ("RAG", "Rag doll", None),
    ("RAG", "cloud storage", None),
    ("RAGs", "a RAG", ["RAG"]),
    ("RAGs", "dirty rags", None),
    ("rag", "RAG or rag", ["RAG", "rag"]),
    ("AI", "AI and ai", ["AI"]),
    ("LLM", "LLM, LLMs, LLM’s, LLMs’", ["LLM", "LLMs", "LLM’s"]),
    ("LLM", "llms", None),
    ("LLMs", "an LLM", ["LLM"]),
    ("llms", "LLM, LLMs, LLM’s and llms", ["LLM", "LLMs", "LLM’s", "llms"]),
    ("llm", "LLMs", ["LLMs"]),
    ("vms", "two VMs", ["VMs"]),
    ("LLMs agent", "LLM agents", ["LLM agents"]),
    ("CRISPR", "Crispr screens", ["Crispr"]),
    ("AI's", "AI, AI's, AIs", ["AI", "AI's", "AIs"]),
    ("GANs", "a GAN, GAN’s, gans", ["GAN", "GAN’s"]),
    ("IT", "it works", None),
    ("WHO", "who asks the WHO's", ["WHO's"]),
    ("CAN", "we can", None),
    ("CLIP", "video clips", None),
    ("AIDS", "it aids AID", None),
    ("AID", "AIDS", None),
    ("IDS", "IDs of users", None),
    ("US", "let us", None),
    ("U.S.", "let us", None),
    ("U.S.", "the U.S. or US", ["U.S", "US"]),
    ("w.h.o.", "who is WHO", ["WHO"]),
    ("I/O", "IO, I/O", ["IO", "I/O"]),
    ("A/B", "ab initio", None),
    ("GPT", "ＧＰＴ－４, gpt", ["ＧＰＴ"]),
    ("ＧＰＴ", "GPT, gpt", ["GPT"]),
    ("uavs", "a UAV", ["UAV"]),
    ("LLaMA", "LLaMAs and llama", ["LLaMAs", "llama"]),
    # hyphens join or split
    ("fine-tuning", "fine-tuning", ["fine-tuning"]),
    ("fine-tuning", "fine tuning", ["fine tuning"]),
    ("fine-tuning", "finetuning", ["finetuning"]),
    ("fine-tuning", "fine–tuned", ["fine–tuned"]),
    ("fine tuning", "fine-tuning", ["fine-tuning"]),
    ("fine tuning", "fine tuning", ["fine tuning"]),
    ("fine tuning", "finetuning", ["finetuning"]),
    ("finetuning", "fine-tuning", ["fine-tuning"]),
    ("finetuning", "finetuned", ["finetuned"]),
    ("LLM finetuning", "LLM fine-tuning, finetuning", ["LLM fine-tuning"]),
    ("permutation", "errors per mutation", None),  # one typed word is not looked for as two
    ("fine-tuning", "a fine day for tuning", None),
    ("multi-modal", "multimodal", ["multimodal"]),
    ("multimodal", "multi-modal", ["multi-modal"]),
    ("multi modal", "multimodal", ["multimodal"]),
    ("pre-training", "pretraining", ["pretraining"]),
    ("pretraining", "pre-trained", ["pre-trained"]),
    ("pretraining", "pre-training-free", ["pre-training"]),
    ("pre-training data", "pretraining-data", ["pretraining-data"]),
    ("large multi modal model", "large multimodal models", ["large multimodal models"]),
    ("state-of-the-art", "state of the art", ["state of the art"]),
    ("state of the art", "State-of-the-Art", ["State-of-the-Art"]),
    ("human-AI", "human–AI teams", ["human–AI"]),
    ("is land", "an island", None),  # two letters are too few to be joined
    ("Model-S", "models", None),
    ("Model-S", "the Model S", ["Model S"]),
    ("DALL-E", "DALL only", None),
    ("DALL-E", "DALL·E, DALLE", ["DALL·E", "DALLE"]),
    ("X-ray", "Xray, x ray, X–rays", ["Xray", "x ray", "X–rays"]),
    ("Xray", "an X-ray", ["X-ray"]),
    ("x ray", "X-rays", ["X-rays"]),
    ("U-Net", "UNet, U-Nets, U net", ["UNet", "U-Nets", "U net"]),
    ("UNet", "nnU-Net", None),
    ("p-value", "P values", ["P values"]),
    ("p-value", "values", None),
    ("in vivo", "in-vivo, in vitro", ["in-vivo"]),
    ("co-operation", "cooperation", ["cooperation"]),
    ("cooperation", "coöperation, co-operation", ["coöperation", "co-operation"]),
    ("e-mail", "email", ["email"]),
    ("finetuning", "fine−tuning, fine‑tuning", ["fine−tuning", "fine‑tuning"]),
    ("zero-shot", "zeroshot, zero shot", ["zeroshot", "zero shot"]),
    ("data set", "datasets, data-set", ["datasets", "data-set"]),
    ("dataset", "data set", ["data set"]),
    ("finetuning", "fine tuning, a fine tuner", ["fine tuning", "fine tuner"]),
    ("overtime", "over time", None),  # only first halves that are no words of their own
    ("deep learning", "deep—learning, deep/learning", ["deep—learning", "deep/learning"]),
    ("and/or", "and/or, or and", ["and/or"]),
    ("AI/ML", "AI-ML, AI and ML", ["AI-ML"]),
    ("fine-tuning", "fine\xadtuning", ["fine\xadtuning"]),
    # letters, digits and signs
    ("C++", "in C++ and C++20", ["C++"]),
    ("C++", "in C", None),
    ("C", "in C++", None),
    ("C#", "C# code", ["C#"]),
    ("GPT-4o", "GPT-4o", ["GPT-4o"]),
    ("GPT-4o", "GPT4o and GPT 4o", ["GPT4o", "GPT 4o"]),
    ("GPT-4o", "GPT-4", None),
    ("GPT-4", "GPT-4o", None),
    ("GPT", "ChatGPT", None),
    ("GPT", "GPT-4", ["GPT"]),
    ("ε-greedy", "an ϵ-greedy policy", ["ϵ-greedy"]),
    ("ε-greedy", "a greedy policy", None),
    ("k-NN", "k-NN, kNN and KNN", ["k-NN", "kNN", "KNN"]),
    ("kNN", "k-NN", ["k-NN"]),
    ("l1", "the l1 norm", ["l1"]),
    ("l1", "the ℓ₁ norm", ["ℓ₁"]),
    ("l1", "l10 and l2", None),
    ("COVID-19", "COVID-19, Covid 19, COVID19", ["COVID-19", "Covid 19", "COVID19"]),
    ("COVID-19", "COVID-2019", None),
    ("5G", "5g and 15G", ["5g"]),
    ("3.5", "GPT-3.5", ["3.5"]),
    ("GPT-3.5", "GPT-3 and 5", None),
    ("GPT 4", "GPT4 and GPT-4", ["GPT4", "GPT-4"]),
    ("GPT 4", "GPT-4o", None),
    ("Llama 3", "LLaMA3, Llama-3", ["LLaMA3", "Llama-3"]),
    ("COVID 19", "COVID19", ["COVID19"]),
    ("Qwen", "Qwen2", None),
    ("F1 score", "F₁ scores, F-1 score", ["F₁ scores", "F-1 score"]),
    ("α-synuclein", "α synuclein", ["α synuclein"]),
    ("α-synuclein", "synuclein", None),
    ("β-VAE", "𝛽-VAE", ["𝛽-VAE"]),
    ("5-HT2A", "5-HT₂A, 5HT2A", ["5-HT₂A", "5HT2A"]),
    ("H2O", "H₂O", ["H₂O"]),
    ("CO2", "CO₂-rich, co2", ["CO₂", "co2"]),
    ("IL-6", "IL6 and IL-61", ["IL6"]),
    ("3D", "3-D, 3d, 2D", ["3-D", "3d"]),
    ("3-D", "3D", ["3D"]),
    ("Word2Vec", "word2vec, Word-2-vec", ["word2vec", "Word-2-vec"]),
    (".NET", ".NET code", ["NET"]),
    (".NET", "nets, a net", None),
    ("Node.js", "NodeJS, node js", ["NodeJS", "node js"]),
    ("Node.js", "nodes", None),
    ("R", "in R, of R²", ["R"]),
    ("R", "for our", None),
    ("C", "vitamin C, C#", ["C"]),
    ("F#", "F# code, f", ["F#"]),
    ("scRNA-seq", "scRNAseq", ["scRNAseq"]),
    ("SARS-CoV-2", "SARS−CoV−2", ["SARS−CoV−2"]),
    ("G-protein", "G protein–coupled", ["G protein"]),
    ("Parkinson's", "Parkinsons, Parkinson", ["Parkinsons", "Parkinson"]),
    ("O'Brien", "O’Brien", ["O’Brien"]),
    ("flow", "ﬂow", ["ﬂow"]),
    ("Pokémon", "Pokemon", ["Pokemon"]),
    ("1,000", "1000", ["1000"]),
    # quotes: exactly these forms
    ('"attention is all you need"', "Attention Is All You Need", ["Attention Is All You Need"]),
    ('"attention is all you need"', "attentions is all you need", None),
    ('"networks"', "a network", None),
    ('"naive"', "naïve", ["naïve"]),
    ('"RAG"', "RAGs", None),
    ('"RAGs"', "RAGs, RAG", ["RAGs"]),
    ('"RAG"', "rag", None),
    ('"fine-tuning"', "fine tuning", ["fine tuning"]),
    ('"fine-tuning"', "finetuning", None),
    ('"fine-tuning"', "fine-tuned", None),
    ('deep "learning"', "deep learning, deep learned", ["deep learning"]),
    # prefixes
    ("diffus*", "Diffusion, diffuse, indiffusible", ["Diffusion", "diffuse"]),
    ("diffus*", "diffusion-based", ["diffusion"]),
    ("diffus*", "DDIM", None),
    ("fine-tun*", "fine-tuned, fine tuner, finetunable", ["fine-tuned", "fine tuner",
                                                          "finetunable"]),
    ("pretrain*", "pre-trained", ["pre-trained"]),
    ("GPT-4*", "GPT-4o, GPT4V and GPT-3", ["GPT-4o", "GPT4V"]),
    ("neural net*", "neural nets, neural networks", ["neural nets", "neural networks"]),
    ("LLM*", "LLMs and LLMOps", ["LLMs", "LLMOps"]),
    # proximity
    ("graph ~5 transformer", "graph a b c d transformer", ["graph", "transformer"]),
    ("graph ~5 transformer", "graph a b c d e transformer", None),
    ("graph ~5 transformer", "transformers on a graph", ["transformers", "graph"]),
    ("graph ~5 transformer", "transformer a b c d e graph", None),
    ("graph ~1 transformer", "graph-transformer", ["graph", "transformer"]),
    ("graph ~1 transformer", "graph and transformer", None),
    ("graph ~5 graph", "one graph", None),
    ("graph ~5 graph", "graph of graphs", ["graph", "graphs"]),
    ("a b ~2 c d", "c d x a b", ["c d", "a b"]),
    ("a b ~2 c d", "c d x y a b", None),
    # and, or, not, never
    ("retrieval + benchmark", "a benchmark of retrieval", ["retrieval", "benchmark"]),
    ("retrieval + benchmark", "a benchmark", None),
    ("retrieval | benchmark", "a benchmark", ["benchmark"]),
    ("retrieval | benchmark", "a benchmark of retrieval", ["retrieval", "benchmark"]),
    ("(a | b) + (c | d)", "b then c", ["b", "c"]),
    ("LLM + -medical", "an LLM", ["LLM"]),
    ("LLM + -medical", "a medical LLM", None),
    ("LLM + (x | -medical)", "a medical LLM for x", ["LLM", "x"]),
    ("LLM\n-survey", "an LLM", ["LLM"]),
    ("LLM\n-survey", "surveys of LLM", None),
    ("-survey\nLLM", "surveys of LLM", None),
    ("-(survey + old)\nLLM", "a survey of LLM", ["LLM"]),
    ("-survey", "no rule wants this", None),
    ("LLM\ntitel", "LLM", ["LLM"]),
    ("# LLM", "LLM", None),
    ("", "LLM", None),
    # other scripts
    ("深度学习", "基于深度学习的方法", ["深度学习"]),
    ("深度学习", "深度的学习", None),
    ("BERT模型", "用BERT模型", ["BERT模型"]),
    ("언어 모델", "한국어 언어 모델은", ["언어 모델"]),
    ("ガン", "カン", None),
    ("التعلم العميق", "عن التعلم العميق هنا", ["التعلم العميق"]),
    ("التعلم", "التَّعَلُّم", ["التَّعَلُّم"]),
    ("למידה", "על למידה עמוקה", ["למידה"]),
    ("हिन", "हिन्दी", None),
    ("हिन्दी", "हिन्दी भाषा", ["हिन्दी"]),
    ("मशीन लर्निंग", "मशीन लर्निंग के", ["मशीन लर्निंग"]),
    ("機械学習", "機械学習の", ["機械学習"]),
    ("機械学習", "機械の学習", None),
    ("می‌خواهم", "می‌خواهم", ["می‌خواهم"]),
    ("обучение", "машинное обучение", ["обучение"]),
    ("μάθηση", "Μάθηση, μαθηση", ["Μάθηση", "μαθηση"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "text", "words"), TEXTS, ids=[f"{rule} in {text}" for rule, text, _ in TEXTS]
)
@pytest.mark.parametrize("field", ["title", "abstract"])
def test_a_rule_finds_these_words_of_a_text(rule: str, text: str, words: Words, field: str) -> None:
    assert found(rule, **{field: text}) == words


FIELDS: list[tuple[str, dict[str, Any], Words]] = [
    ("title: mixture of experts", {"title": "Mixtures of experts"}, ["Mixtures of experts"]),
    ("title: mixture of experts", {"abstract": "mixture of experts"}, None),
    ("abstract: experts", {"abstract": "experts"}, ["experts"]),
    ("abstract: experts", {"title": "experts"}, None),
    ("title: (a | b) + c", {"title": "b", "abstract": "a c"}, ["b", "c"]),
    ("title: graph ~2 net", {"title": "net of graph", "abstract": "graph net"}, ["net", "graph"]),
    ("LLM + -title: survey", {"title": "LLM", "abstract": "a survey"}, ["LLM"]),
    ("LLM\n-title: survey", {"title": "A survey", "abstract": "LLM"}, None),
    ("RAG", {"title": "RAG", "abstract": "RAGs"}, ["RAG", "RAGs"]),
    ("retrieval + benchmark", {"title": "retrieval", "abstract": "benchmark"},
     ["retrieval", "benchmark"]),
    ("neural network", {"title": "On neural", "abstract": "network theory"}, None),
    ("neural ~9 network", {"title": "On neural", "abstract": "network theory"}, None),
    ("author: Yann LeCun", {"authors": ("Ada Lovelace", "LeCun, Y.")}, ["LeCun, Y."]),
    ("author: Y. LeCun", {"authors": ("Yann LeCun",)}, ["Yann LeCun"]),
    ("author: LeCun, Yann", {"authors": ("Y. A. LeCun (NYU)",)}, ["Y. A. LeCun (NYU)"]),
    ("author: LeCun", {"authors": ("Yann LeCun", "Léon Lecun")}, ["Yann LeCun", "Léon Lecun"]),
    ("author: van der Berg", {"authors": ("Hans van der Berg",)}, ["Hans van der Berg"]),
    ("author: Müller, K.", {"authors": ("Klaus Mueller",)}, ["Klaus Mueller"]),
    ("author: John Doe", {"authors": ("Doe JR",)}, ["Doe JR"]),
    ("author: Yann LeCun", {"title": "Yann LeCun", "authors": ("Ada Lovelace",)}, None),
    ("author: (LeCun | Hinton)", {"authors": ("G. Hinton",)}, ["G. Hinton"]),
    ("cat: cs.CL", {"categories": ("cs.LG", "cs.CL")}, ["cs.CL"]),
    ("cat: CS.cl", {"categories": ("cs.CL",)}, ["cs.CL"]),
    ("cat: cs.CL", {"categories": ("cs.CLX", "cs")}, None),
    ("cat: cs.*", {"categories": ("cs.LG", "math.CO", "cs.CL")}, ["cs.LG", "cs.CL"]),
    ("cat: cs.*", {"categories": ("cs",)}, ["cs"]),
    ("cat: cs", {"categories": ("cs.LG", "csx.A")}, ["cs.LG"]),
    ("cat: cs.*", {"categories": ("physics.cs",)}, None),
    ("cat: q-bio.N*", {"categories": ("q-bio.NC", "q-bio.PE")}, ["q-bio.NC"]),
    ("cat: cell biology", {"categories": ("Cell Biology",)}, ["Cell Biology"]),
    ("cat: cs.CL", {"title": "cs.CL"}, None),
    ("source: biorxiv", {"sources": ("biorxiv",)}, ["biorxiv"]),
    ("source: bioRxiv", {"sources": ("arxiv", "biorxiv-neuroscience")}, ["biorxiv-neuroscience"]),
    ("source: rxiv", {"sources": ("biorxiv",)}, None),
    ("source: biorxiv physics", {"sources": ("biorxiv-neuroscience",)}, None),
    ("org: Qualcomm", {"organization": "Qualcomm AI Research"}, ["Qualcomm"]),
    ("org: qualcomm ai", {"organization": "Qualcomm AI Research"}, ["Qualcomm AI"]),
    ("org: Meta", {"organization": "Metabolic Ltd"}, None),
    ("org: Qualcomm", {"organization": None, "abstract": "Qualcomm"}, None),
    ("trending", {"trend": 0.9}, ["trending"]),
    ("trending", {"trend": 0.7}, ["trending"]),
    ("trending", {"trend": 0.69}, None),
    ("trending", {"trend": None}, None),
    ("trending", {"title": "Trending topics", "trend": None}, None),
    ('"trending"', {"title": "Trending topics", "trend": None}, ["Trending"]),
    ("trending + cat: cs.CV", {"trend": 1.0, "categories": ("cs.CV",)}, ["trending", "cs.CV"]),
    ("trending + cat: cs.CV", {"trend": 1.0, "categories": ("cs.CL",)}, None),
    ("RAG\n-trending", {"title": "RAG", "trend": 1.0}, None),
    ("RAG\n-trending", {"title": "RAG", "trend": None}, ["RAG"]),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "values", "words"), FIELDS, ids=[str(row[:2]) for row in FIELDS])
def test_a_rule_asks_the_field_it_names(rule: str, values: dict[str, Any], words: Words) -> None:
    assert found(rule, **values) == words


def test_a_hit_tells_rule_field_weight_and_place() -> None:
    paper = a_paper("RAGs at last", "Of RAG, and RAG", authors=("Yann LeCun",))
    matched = a_match("# c\nRAG ^2\n\n(author: LeCun | x) ^0.5", paper)
    assert matched
    assert matched.paper is paper
    assert [(h.rule, h.field, h.weight, h.words, h.ranges) for h in matched.hits] == [
        (2, "title", 2.0, ("RAGs",), ((0, 4),)),
        (2, "abstract", 2.0, ("RAG",), ((3, 6), (12, 15))),
        (4, "author", 0.5, ("Yann LeCun",), ()),
    ]


def test_what_is_excluded_leaves_no_hit() -> None:
    assert found("LLM + -(medical | law)", "An LLM") == ["LLM"]
    assert found("LLM + (x | -law)", "An LLM") == ["LLM"]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("RAG", None),
        ("trending", [1]),
        ("RAG\ntrending", [2]),
        ("trending + RAG", [1]),
        ("RAG\ntrending + x", None),
        ("RAG | trending", [1]),
        ("trending\n-RAG", None),
    ],
)
def test_a_paper_of_earlier_days_comes_only_by_a_rule_that_asks_for_trending(
    rules: str, expected: list[int] | None
) -> None:
    paper = IndexedPaper(a_paper("RAG", trend=0.9))
    matched = match(parse(rules), paper, is_news=False)
    assert (matched and sorted({hit.rule for hit in matched.hits})) == expected


def test_a_rule_satisfied_without_trending_brings_no_paper_of_earlier_days() -> None:
    paper = IndexedPaper(a_paper("RAG", trend=0.1))
    assert match(parse("RAG | trending"), paper) is not None
    assert match(parse("RAG | trending"), paper, is_news=False) is None


@pytest.mark.parametrize("word", ["aaa", "aaa-aaa", "graph"])
def test_a_paper_that_repeats_one_word_is_matched_as_fast_as_another(word: str) -> None:
    joined = IndexedPaper(a_paper("", f"{word} " * 3_000 + f"{word}-" * 3_000))
    assert match(parse(f"{word} " * 20), joined)  # the time limit meets what grows with a square
    assert match(parse(f"{word} ~50 {word}"), joined)
    assert match(parse(f"{word}*"), joined)


# Properties

VOCABULARY = ["RAG", "rag", "LLMs", "agent", "agents", "fine", "tuning", "finetuning", "graph", "a"]
SEPARATORS = [" ", " ", " ", "-", ", ", ". ", "’s "]
RULES = st.sampled_from(
    [
        "RAG", "rag", "LLM agents", "fine-tuning", "fine tuning", "finetuning", "graph ~3 agent",
        '"agents"', "tun*", "fine-tun*", "title: RAG", "abstract: agent ^2", "RAG + graph",
        "RAG + -graph", "a | (agent + graph)", "trending", "trending + rag", "cat: cs.*",
        "-graph", "-title: RAG", "-trending", "-(rag + agent)", "titel: x", "# RAG", "",
    ]
)  # fmt: skip
PROFILES = st.lists(RULES, max_size=6)


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Draw a text full of words that the rules ask for."""
    pieces = st.tuples(st.sampled_from(VOCABULARY), st.sampled_from(SEPARATORS))
    return "".join(map("".join, draw(st.lists(pieces, max_size=15))))


@st.composite
def papers(draw: st.DrawFn) -> Paper:
    """Draw a paper that some rules match."""
    return a_paper(
        draw(texts()),
        draw(texts()),
        trend=draw(st.sampled_from([None, 0.2, 0.9])),
        categories=draw(st.sampled_from([(), ("cs.LG",)])),
    )


def matches(rules: list[str], paper: Paper) -> Match | None:
    return a_match("\n".join(rules), paper)


def hits(rules: list[str], paper: Paper) -> set[tuple[object, ...]]:
    """Return the hits without the numbers of their lines."""
    matched = matches(rules, paper)
    return {(h.leaf, h.weight, h.field, h.ranges) for h in matched.hits} if matched else set()


@given(st.data(), PROFILES, papers())
def test_the_order_of_rules_changes_no_hit(
    data: st.DataObject, rules: list[str], paper: Paper
) -> None:
    assert hits(data.draw(st.permutations(rules)), paper) == hits(rules, paper)


@given(PROFILES, RULES.filter(lambda rule: not rule.startswith("-")), papers())
def test_one_more_rule_takes_no_match_away(rules: list[str], more: str, paper: Paper) -> None:
    assert hits(rules, paper) <= hits([*rules, more], paper)


@given(PROFILES, RULES.filter(lambda rule: rule.startswith("-")), papers())
def test_one_more_never_rule_adds_no_match(rules: list[str], never: str, paper: Paper) -> None:
    assert hits([*rules, never], paper) <= hits(rules, paper)


@given(PROFILES, papers())
def test_a_match_has_a_hit_and_a_hit_says_where_its_words_stand(
    rules: list[str], paper: Paper
) -> None:
    matched = matches(rules, paper)
    assume(matched)
    assert matched
    assert matched.hits
    for hit in matched.hits:
        assert hit.words
        if hit.field in ("title", "abstract"):
            text: str = getattr(paper, hit.field)
            assert tuple(dict.fromkeys(text[start:end] for start, end in hit.ranges)) == hit.words
            assert list(hit.ranges) == sorted(set(hit.ranges))
            edges = {t.start for t in tokens(text)}, {t.end for t in tokens(text)}
            assert all(start in edges[0] and end in edges[1] for start, end in hit.ranges)
        else:
            assert hit.ranges == ()


LETTERS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=6)


@given(LETTERS, LETTERS, LETTERS)
def test_no_part_of_a_word_is_ever_found(before: str, word: str, after: str) -> None:
    """The text holds one longer word; only one with the same stem may be found."""
    for longer in (before + word + after, before + word, word + after, "Ä" + word + "1"):
        (asked,), (present,) = tokens(word), tokens(longer)
        assume(asked.stem != present.stem)
        assert found(f'{word} | "{word}"', longer) is None


@given(LETTERS, LETTERS)
def test_a_word_is_found_between_any_signs(word: str, other: str) -> None:
    (asked,), (present,) = tokens(word), tokens(other)
    assume(asked.stem != present.stem)
    for sign in '!?.,;:/()[]{}"“”*_=<>|&%$~ \t\n—…':
        assert found(f'"{word}"', f"{other}{sign}{word}{sign}{other}") == [word]


@given(texts())
def test_a_phrase_is_found_in_the_text_it_was_cut_from(text: str) -> None:
    words = [token.written for token in tokens(text)][:20]
    assume(words)
    assert found(" ".join(words), text)
    assert found('"' + " ".join(words) + '"', text)


@given(st.text(), st.text())
def test_any_text_can_be_asked_of_any_text(rules: str, text: str) -> None:
    a_match(rules, a_paper(text, text, authors=(text,), categories=(text,), organization=text))


ANY_TEXT = st.lists(
    st.builds(
        "{}{}".format,
        st.one_of(st.sampled_from((*grammar.WORDS, "Mueller", "a", "fine tuned")), st.text()),
        st.sampled_from((" ", " ", "-", ", ", "—", "/")),
    ),
    max_size=8,
).map("".join)
ANY_NAMES = st.lists(st.one_of(ANY_TEXT, st.sampled_from(("Yann LeCun", "X, Y."))), max_size=3)
ANY_PAPER = st.builds(
    a_paper,
    ANY_TEXT,
    ANY_TEXT,
    authors=ANY_NAMES.map(tuple),
    categories=st.lists(st.sampled_from(("cs.CL", "", ".", "ß.*", "q-bio")), max_size=3).map(tuple),
    sources=ANY_NAMES.map(tuple),
    organization=st.none() | ANY_TEXT,
    trend=st.sampled_from((None, 0.0, 0.9)),
)


@given(grammar.profiles(), ANY_PAPER)
def test_rules_find_in_any_paper_what_their_canonical_form_finds(rules: str, paper: Paper) -> None:
    found_first = a_match(rules, paper)
    assert a_match(format_rules(parse(rules)), paper) == found_first
    assert found_first is None or all(hit.words for hit in found_first.hits)
