#!/usr/bin/env python3
"""Trains the reader's adapter: models/reader.safetensors.

The reader is all-MiniLM-L6-v2 that reads a question and a passage together and says whether the passage is about the question,
whether it answers it, and where the answer stands. Only an adapter is trained: low-rank additions to the six layers' matrices,
biases, layer norms, the token type embeddings, and three heads. The base model stays as its authors published it.

    train.py --data DIR --base model.safetensors --tokenizer tokenizer.json --out reader.safetensors [--rank 32] [--holdout 0.1]

DIR holds one folder a data set, each with corpus.jsonl ({_id, title, text}) and questions.jsonl ({_id, question, answers,
answer_start?, is_impossible, context_id}). README.md beside this file names the sets that were used, and their licenses.
Needs torch, numpy, safetensors and tokenizers; a few minutes on one GPU.

What is trained on, each epoch anew (a question's passage is cut to at most 150 words around its answer, half of the time with
its title in front, as the program's passages are):
  - every question with its passage: span, relevant, answers it (or does not, where the data say so);
  - with a passage that BM25 ranks high but that is not its own: not relevant, does not answer;
  - with its passage without the sentences that hold the answer: does not answer;
  - with a number, name or word of the question exchanged for another: does not answer;
and before that on cloze questions made from the passages themselves (Lewis et al. 2019, arXiv:1906.04980).
"""
import argparse, collections, json, math, multiprocessing, random, re, time
from pathlib import Path
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

LAYERS, WIDTH, HEADS, INNER = 6, 384, 12, 1536
ADAPTED = ["attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense", "intermediate.dense", "output.dense"]
LONGEST_QUESTION, LONGEST = 64, 320
SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[\"'(\[]?[A-Z0-9])")
WORD = re.compile(r"\w+")
OPPOSITES = dict(p for a, b in [("first", "last"), ("before", "after"), ("largest", "smallest"), ("highest", "lowest"), ("most", "least"),
    ("north", "south"), ("east", "west"), ("northern", "southern"), ("eastern", "western"), ("more", "fewer"), ("start", "end"), ("began", "ended"),
    ("begin", "end"), ("born", "buried"), ("oldest", "youngest"), ("won", "lost"), ("increase", "decrease"), ("upper", "lower"), ("longest", "shortest"),
    ("early", "late"), ("maximum", "minimum"), ("tallest", "shortest"), ("open", "close"), ("founded", "dissolved"), ("always", "never")] for p in ((a, b), (b, a)))


# ---------------------------------------------------------------------------------------------------------------- data

class Question:
    def __init__(self, row, passage, title, source):
        self.id, self.text, self.passage, self.title, self.source = row["_id"], row["question"].strip(), passage, title, source
        self.doc = row["context_id"]
        self.impossible = row["is_impossible"]
        self.answers = [a for a in row["answers"] if a.strip()]
        starts = row.get("answer_start")
        self.spans = []
        if not self.impossible:
            for n, answer in enumerate(self.answers):
                at = starts[n] if starts and n < len(starts) else None
                if at is not None and passage[at:at + len(answer)] == answer:
                    self.spans.append((at, at + len(answer)))
                else:
                    found = passage.find(answer)
                    if found < 0:
                        found = passage.lower().find(answer.lower())
                    if found >= 0:
                        self.spans.append((found, found + len(answer)))


def read_data(folder):
    questions, corpus = [], {}
    for part in sorted(Path(folder).iterdir()):
        if not (part / "questions.jsonl").exists():
            continue
        docs = {}
        for line in open(part / "corpus.jsonl", encoding="utf-8"):
            row = json.loads(line)
            docs[row["_id"]] = row
            corpus[(part.name, row["_id"])] = row
        for line in open(part / "questions.jsonl", encoding="utf-8"):
            row = json.loads(line)
            doc = docs[row["context_id"]]
            question = Question(row, doc["text"], doc.get("title", ""), part.name)
            if question.impossible or question.spans:
                questions.append(question)
    return questions, corpus


class Bm25:
    def __init__(self, texts):
        self.tf, df = [], collections.Counter()
        for text in texts:
            counts = collections.Counter(w.lower() for w in WORD.findall(text))
            self.tf.append(counts)
            df.update(counts.keys())
        self.lengths = np.array([sum(c.values()) for c in self.tf], dtype=np.float32)
        self.mean = self.lengths.mean()
        self.idf = {w: math.log(1 + (len(texts) - n + 0.5) / (n + 0.5)) for w, n in df.items()}
        self.postings = collections.defaultdict(list)
        for n, counts in enumerate(self.tf):
            for w, c in counts.items():
                self.postings[w].append((n, c))

    def top(self, query, k):
        scores = collections.Counter()
        for w in {w.lower() for w in WORD.findall(query)}:
            idf = self.idf.get(w, 0.0)
            if idf < 1.0:
                continue
            for n, c in self.postings[w]:
                scores[n] += idf * c * 2.2 / (c + 1.2 * (0.25 + 0.75 * self.lengths[n] / self.mean))
        return [n for n, _ in scores.most_common(k)]


def sentences(text):
    """(start, end) of each sentence."""
    cuts = [0] + [m.end() for m in SENTENCE.finditer(text)] + [len(text)]
    return [(a, b) for a, b in zip(cuts, cuts[1:]) if b > a]


def window(text, spans, rng, most=150):
    """Some whole sentences of at most `most` words, the spans' first among them; spans are moved along."""
    parts = sentences(text)
    if len(text.split()) <= most or len(parts) == 1:
        return text, spans
    keep = rng.randrange(len(parts)) if not spans else next((n for n, (a, b) in enumerate(parts) if a <= spans[0][0] < b), 0)
    first = last = keep
    words = len(text[parts[keep][0]:parts[keep][1]].split())
    while True:
        options = ([first - 1] if first else []) + ([last + 1] if last + 1 < len(parts) else [])
        rng.shuffle(options)
        for n in options:
            more = len(text[parts[n][0]:parts[n][1]].split())
            if words + more <= most:
                words += more
                first, last = min(first, n), max(last, n)
                break
        else:
            break
    start, end = parts[first][0], parts[last][1]
    return text[start:end], [(a - start, b - start) for a, b in spans if a >= start and b <= end]


def without_answer(text, answers):
    kept = [text[a:b] for a, b in sentences(text) if not any(x.lower() in text[a:b].lower() for x in answers)]
    return "".join(kept).strip()


def twisted(question, passage, pool, rng):
    """The question with one thing exchanged, so that the passage does not answer it any more; None where nothing can be."""
    ways = []
    for m in re.finditer(r"\b\d[\d,.]*\b", question):
        n = m.group().replace(",", "").rstrip(".")
        if n.isdigit():
            other = str(int(n) + rng.choice([-30, -12, -7, -3, 2, 5, 9, 21]))
            if other not in passage:
                ways.append(question[:m.start()] + other + question[m.end():])
    for m in re.finditer(r"(?<!^)(?<![.?!] )\b[A-Z][\w'-]+(?: (?:of |the |de )?[A-Z][\w'-]+)*", question):
        other = rng.choice(pool)
        if other.lower() not in passage.lower() and other.lower() not in question.lower():
            ways.append(question[:m.start()] + other + question[m.end():])
    for m in WORD.finditer(question):
        if m.group().lower() in OPPOSITES and OPPOSITES[m.group().lower()] not in passage.lower():
            ways.append(question[:m.start()] + OPPOSITES[m.group().lower()] + question[m.end():])
    return rng.choice(ways) if ways else None


def clozes(passage, rng, most=8):
    """(question, start, end): sentences of the passage with a number or name taken out."""
    out = []
    for a, b in sentences(passage):
        sentence = passage[a:b].strip()
        if not 6 <= len(sentence.split()) <= 45:
            continue
        found = [(m.start(), m.end(), "number") for m in re.finditer(r"\b(?:(?:January|February|March|April|May|June|July|August|September|October|November|December) )?\d[\d,.]*\d?(?: (?:million|billion|percent|km|miles|years|people|metres|meters))?", sentence)]
        found += [(m.start(), m.end(), "name") for m in re.finditer(r"(?<!^)\b[A-Z][\w'-]+(?: (?:of |the |de )?[A-Z][\w'-]+)*", sentence) if m.start() > 0]
        if not found:
            continue
        for s, e, kind in rng.sample(found, min(2, len(found))):
            answer = sentence[s:e].rstrip(".,")
            if len(answer) < 2:
                continue
            words = (sentence[:s] + " " + sentence[s + len(answer):]).split()
            left, right = len(sentence[:s].split()), rng.randint(4, 12)
            words = words[max(0, left - right):left + right]
            words = [w for w in words if rng.random() > 0.2]
            order = sorted(range(len(words)), key=lambda n: n + rng.random() * rng.choice([0.0, 3.0]))
            if kind == "number":
                ask = "when" if re.fullmatch(r"(?:\w+ )?\d{4}", answer) else rng.choice(["how many", "what number", "how much"])
            else:
                ask = rng.choice(["who", "what", "which", "where"])
            where = passage.find(answer, a)
            if where >= 0:
                out.append((f"{ask} {' '.join(words[n] for n in order)}?".replace(" ,", ","), where, where + len(answer)))
    rng.shuffle(out)
    return out[:most]


class Example:
    """One pair: `spans` in the passage (empty: none), `relevant` and `answers` 1, 0 or None for not known."""
    __slots__ = ("question", "passage", "spans", "relevant", "answers")

    def __init__(self, question, passage, spans, relevant, answers):
        self.question, self.passage, self.spans, self.relevant, self.answers = question, passage, spans, relevant, answers


def titled(text, spans, title, rng):
    if title and rng.random() < 0.5:
        head = title + "\n"
        return head + text, [(a + len(head), b + len(head)) for a, b in spans]
    return text, spans


def an_epoch(questions, negatives, pool, rng):
    out = []
    for q in questions:
        asked = q.text if rng.random() > 0.3 else q.text.rstrip("? ")
        text, spans = window(q.passage, q.spans, rng)
        text, spans = titled(text, spans, q.title, rng)
        out.append(Example(asked, text, spans, 1, 0 if q.impossible else 1))
        if q.impossible and rng.random() < 0.5:
            text, _ = titled(*window(q.passage, [], rng), q.title, rng)
            out.append(Example(asked, text, [], 1, 0))
        others = negatives[q.id]
        if others:
            for _ in range(2):
                title, other = rng.choice(others[:4] if rng.random() < 0.5 else others)
                other, _ = titled(*window(other, [], rng), title, rng)
                out.append(Example(asked, other, [], 0, 0))
        if not q.impossible:
            if rng.random() < 0.5:
                rest = without_answer(q.passage, q.answers)
                if len(rest.split()) > 8:
                    rest, _ = titled(*window(rest, [], rng), q.title, rng)
                    out.append(Example(asked, rest, [], None, 0))
            if rng.random() < 0.5:
                other = twisted(asked, q.passage, pool, rng)
                if other:
                    text, _ = titled(*window(q.passage, q.spans, rng), q.title, rng)
                    out.append(Example(other, text, [], None, 0))
    rng.shuffle(out)
    return out


def cloze_epoch(corpus, rng):
    out, docs = [], list(corpus.values())
    for doc in docs:
        for question, a, b in clozes(doc["text"], rng):
            text, spans = window(doc["text"], [(a, b)], rng)
            if spans:
                text, spans = titled(text, spans, doc.get("title", ""), rng)
                out.append(Example(question, text, spans, 1, 1))
            if rng.random() < 0.4:
                other = rng.choice(docs)
                text, _ = titled(*window(other["text"], [], rng), other.get("title", ""), rng)
                out.append(Example(question, text, [], 0, 0))
            if rng.random() < 0.25:
                rest = without_answer(doc["text"], [doc["text"][a:b]])
                if len(rest.split()) > 8:
                    out.append(Example(question, window(rest, [], rng)[0], [], None, 0))
    rng.shuffle(out)
    return out


# --------------------------------------------------------------------------------------------------------------- model

class Encoder(nn.Module):
    def __init__(self, base, rank):
        super().__init__()
        self.rank = rank
        self.names = {}
        for name, value in base.items():
            name = name.removeprefix("bert.")
            if name.startswith("pooler.") or name.endswith("position_ids"):
                continue
            key = name.replace(".", "/")
            self.names[key] = name
            self.register_parameter(key, nn.Parameter(value.float().clone()))
            is_matrix = value.ndim == 2 and "LayerNorm" not in name
            trained = "token_type" in name or value.ndim == 1 or (rank == 0 and name.startswith("encoder."))
            self.get_parameter(key).requires_grad = trained and not (is_matrix and rank and "token_type" not in name)
        if rank:
            for i in range(LAYERS):
                for part in ADAPTED:
                    out, into = base_shape(base, f"encoder.layer.{i}.{part}.weight")
                    key = f"encoder.layer.{i}.{part}".replace(".", "/")
                    self.register_parameter(key + "/lora_a", nn.Parameter(torch.randn(rank, into) / math.sqrt(into)))
                    self.register_parameter(key + "/lora_b", nn.Parameter(torch.zeros(out, rank)))
        self.pool = nn.Linear(WIDTH, WIDTH)
        self.verdict = nn.Linear(WIDTH, 2)
        self.span = nn.Linear(WIDTH, 2)

    def p(self, name):
        return self.get_parameter(name.replace(".", "/"))

    def linear(self, x, name):
        y = F.linear(x, self.p(name + ".weight"), self.p(name + ".bias"))
        if self.rank:
            y = y + F.linear(F.linear(x, self.p(name + ".lora_a")), self.p(name + ".lora_b"))
        return y

    def norm(self, x, name):
        return F.layer_norm(x, (WIDTH,), self.p(name + ".weight"), self.p(name + ".bias"), 1e-12)

    def forward(self, ids, types, mask, drop=0.0):
        n, length = ids.shape
        x = F.embedding(ids, self.p("embeddings.word_embeddings.weight"))
        x = x + self.p("embeddings.position_embeddings.weight")[:length] + F.embedding(types, self.p("embeddings.token_type_embeddings.weight"))
        x = F.dropout(self.norm(x, "embeddings.LayerNorm"), drop, self.training)
        bias = torch.zeros_like(mask, dtype=x.dtype).masked_fill(~mask, -1e9)[:, None, None, :].to(x.dtype)
        for i in range(LAYERS):
            at = f"encoder.layer.{i}."
            q, k, v = (self.linear(x, at + "attention.self." + part).view(n, length, HEADS, -1).transpose(1, 2) for part in ("query", "key", "value"))
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(q.dtype), dropout_p=drop if self.training else 0.0)
            y = self.linear(y.transpose(1, 2).reshape(n, length, WIDTH), at + "attention.output.dense")
            x = self.norm(x + F.dropout(y, drop, self.training), at + "attention.output.LayerNorm")
            y = self.linear(F.gelu(self.linear(x, at + "intermediate.dense")), at + "output.dense")
            x = self.norm(x + F.dropout(y, drop, self.training), at + "output.LayerNorm")
        verdict = self.verdict(torch.tanh(self.pool(x[:, 0])))
        return verdict.float(), self.span(x).float()


def base_shape(base, name):
    return tuple((base.get(name) if name in base else base["bert." + name]).shape)


def encode(tokenizer, examples):
    """Ids, types, the passage's first token, offsets; spans as token ranges."""
    questions = tokenizer.encode_batch([e.question for e in examples], add_special_tokens=False)
    passages = tokenizer.encode_batch([e.passage for e in examples], add_special_tokens=False)
    cls, sep = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    rows = []
    for e, q, p in zip(examples, questions, passages):
        qi = q.ids[:LONGEST_QUESTION]
        room = LONGEST - len(qi) - 3
        pi, offsets = p.ids[:room], p.offsets[:room]
        first = len(qi) + 2
        targets = []
        for a, b in e.spans:
            start = next((n for n, (s, t) in enumerate(offsets) if t > a), None)
            end = next((n for n in range(len(offsets) - 1, -1, -1) if offsets[n][0] < b), None)
            if start is not None and end is not None and end >= start:
                targets.append((first + start, first + end))
        rows.append(([cls] + qi + [sep] + pi + [sep], first, offsets, targets))
    return rows


def packed(rows, examples):
    """One batch as arrays of one shape: what the model reads, and what it should say."""
    longest = -(-max(len(r[0]) for r in rows) // 32) * 32
    ids = np.zeros((len(rows), longest), np.int32)
    types = np.zeros((len(rows), longest), np.int32)
    mask = np.zeros((len(rows), longest), bool)
    inside = np.zeros((len(rows), longest), bool)
    target = np.zeros((len(rows), longest, 2), bool)
    use = np.zeros(len(rows), np.float32)
    verdict = np.full((len(rows), 2), -1.0, np.float32)
    for n, ((row, first, _, spans), e) in enumerate(zip(rows, examples)):
        ids[n, :len(row)] = row
        types[n, first:len(row)] = 1
        mask[n, :len(row)] = True
        inside[n, first:len(row) - 1] = True
        inside[n, 0] = True
        if spans:
            for a, b in spans:
                target[n, a, 0] = target[n, b, 1] = True
            use[n] = 1.0
        elif not e.spans:
            target[n, 0, :] = True
            use[n] = 0.5
        for column, want in enumerate((e.relevant, e.answers)):
            if want is not None:
                verdict[n, column] = want
    return ids, types, mask, inside, target, use, verdict


def batches(tokenizer, examples, size, rng):
    """Batches of pairs of about the same length, in any order."""
    rows = encode(tokenizer, examples)
    order = sorted(range(len(rows)), key=lambda n: len(rows[n][0]) + rng.random() * 24)
    groups = [order[n:n + size] for n in range(0, len(order), size)]
    rng.shuffle(groups)
    return [packed([rows[n] for n in group], [examples[n] for n in group]) for group in groups]


def tensors(batch, device):
    ids, types, mask, inside, target, use, verdict = (torch.from_numpy(a).to(device, non_blocking=True) for a in batch)
    return ids.long(), types.long(), mask, inside, target, use, verdict


def loss_of(model, batch, drop):
    ids, types, mask, inside, target, use, wanted = batch
    verdict, spans = model(ids, types, mask, drop)
    logs = F.log_softmax(spans.masked_fill(~inside[:, :, None], -1e4), dim=1)
    # Any of the places where the answer stands will do.
    span = -torch.logsumexp(logs.masked_fill(~target, -1e4), dim=1).clamp(min=-30).sum(1) / 2
    total = (span * use).sum() / use.sum().clamp(min=1)
    known = wanted >= 0
    loss = F.binary_cross_entropy_with_logits(verdict, wanted.clamp(0, 1), reduction="none")
    return total + ((loss * known).sum(0) / known.sum(0).clamp(min=1)).sum()


def fit(model, epochs, seconds, rate, device, drop=0.1, label=""):
    """Trains for `seconds` on `epochs` (batches made in other processes) over and over; the rate falls to nothing by the clock."""
    heads = [p for n, p in model.named_parameters() if p.requires_grad and n.split(".")[0] in ("pool", "verdict", "span")]
    rest = [p for n, p in model.named_parameters() if p.requires_grad and n.split(".")[0] not in ("pool", "verdict", "span")]
    trained = rest + heads
    optimizer = torch.optim.AdamW([{"params": rest, "lr": rate}, {"params": heads, "lr": 1e-3}], weight_decay=0.01, fused=device.type == "cuda")
    average = [p.detach().clone() for p in trained]
    began, step, round_ = time.time(), 0, 0
    model.train()
    while time.time() - began < seconds:
        sums = []
        for batch in epochs[round_ % len(epochs)].get():
            share = (time.time() - began) / seconds
            if share >= 1:
                break
            for group, base_rate in zip(optimizer.param_groups, (rate, 1e-3)):
                group["lr"] = base_rate * min(1.0, (step + 1) / 100) * max(0.01, 1 - share)
            with torch.autocast(device_type=device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"):
                loss = loss_of(model, tensors(batch, device), drop)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(trained, 1.0)
            optimizer.step()
            with torch.no_grad():
                torch._foreach_lerp_(average, [p.detach() for p in trained], 1 - min(0.998, (1 + step) / (10 + step)))
            sums.append(loss.detach())
            step += 1
        round_ += 1
        print(f"{label} round {round_}: {step} steps, loss {torch.stack(sums).mean().item() if sums else 0:.3f}, {time.time() - began:.0f} s", flush=True)
    with torch.no_grad():
        for p, mean in zip(trained, average):
            p.copy_(mean)


# ---------------------------------------------------------------------------------------------------------- evaluation

def normalized(text):
    text = re.sub(r"[^\w\s]", "", text.lower())
    return re.sub(r"\b(a|an|the)\b", " ", text).split()


def f1(guess, golds):
    best = 0.0
    for gold in golds:
        a, b = normalized(guess), normalized(gold)
        same = sum((collections.Counter(a) & collections.Counter(b)).values())
        best = max(best, 2 * same / (len(a) + len(b)) if same else float(a == b))
    return best


@torch.no_grad()
def read(model, tokenizer, pairs, device, size=128):
    """(relevant, answers, span's score over null, span's text) of each (question, passage)."""
    model.eval()
    examples = [Example(q, p, [], None, None) for q, p in pairs]
    rows = encode(tokenizer, examples)
    order = sorted(range(len(rows)), key=lambda n: len(rows[n][0]))
    out = [None] * len(rows)
    for at in range(0, len(order), size):
        group = order[at:at + size]
        ids, types, mask, inside, *_ = tensors(packed([rows[n] for n in group], [examples[n] for n in group]), device)
        with torch.autocast(device_type=device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"):
            verdict, spans = model(ids, types, mask)
        length = spans.shape[1]
        null = spans[:, 0, 0] + spans[:, 0, 1]
        body = inside.clone()
        body[:, 0] = False
        start = spans[:, :, 0].masked_fill(~body, -1e4)
        end = spans[:, :, 1].masked_fill(~body, -1e4)
        table = start[:, :, None] + end[:, None, :]
        band = torch.ones(length, length, device=device, dtype=torch.bool).triu().tril(29)
        table = table.masked_fill(~band, -1e9).view(len(group), -1)
        best, where = table.max(1)
        for n, row in enumerate(group):
            _, first, offsets, _ = rows[row]
            a, b = divmod(where[n].item(), length)
            text = pairs[row][1][offsets[a - first][0]:offsets[b - first][1]] if 0 <= a - first < len(offsets) and 0 <= b - first < len(offsets) else ""
            out[row] = (verdict[n, 0].item(), verdict[n, 1].item(), (best[n] - null[n]).item(), text)
    return out


def auc(good, bad):
    both = sorted([(s, 1) for s in good] + [(s, 0) for s in bad])
    ranks, total = 0.0, 0
    for n, (_, label) in enumerate(both):
        if label:
            ranks += n + 1
            total += 1
    return (ranks - total * (total + 1) / 2) / max(1, total * (len(both) - total))


def evaluate(model, tokenizer, questions, negatives, device, label):
    """Figures by source."""
    report = {}
    for source in sorted({q.source for q in questions}):
        mine = [q for q in questions if q.source == source]
        gold = read(model, tokenizer, [(q.text, (q.title + "\n" if q.title else "") + q.passage) for q in mine], device)
        can = [(q, r) for q, r in zip(mine, gold) if not q.impossible]
        cannot = [r for q, r in zip(mine, gold) if q.impossible]
        em = np.mean([any(normalized(r[3]) == normalized(a) for a in q.answers) for q, r in can])
        mean_f1 = np.mean([f1(r[3], q.answers) for q, r in can])
        ranked, off = [], []
        asked = [(q, negatives[q.id][:9]) for q, _ in can]
        flat = [(q.text, (t + "\n" if t else "") + p) for q, others in asked for t, p in others]
        others_read = iter(read(model, tokenizer, flat, device)) if flat else iter(())
        for (q, others), (_, r) in zip(asked, can):
            rest = [next(others_read) for _ in others]
            if rest:
                ranked.append([1 / (1 + sum(x[k] > r[k] for x in rest)) for k in range(3)])
                off.append([max(x[k] for x in rest[:5]) for k in range(3)])
        row = {"n": len(mine), "em": em, "f1": mean_f1}
        for k, name in enumerate(("relevant", "answers", "span")):
            if ranked:
                row[f"mrr10_{name}"] = np.mean([r[k] for r in ranked])
                row[f"auc_off_{name}"] = auc([r[k] for _, r in can], [o[k] for o in off])
            if cannot:
                row[f"auc_adv_{name}"] = auc([r[k] for _, r in can], [r[k] for r in cannot])
        report[source] = {k: round(float(v), 4) for k, v in row.items()}
        print(label, source, json.dumps(report[source]), flush=True)
    return report


def adapter(model, base_hash, rank, note):
    out = {}
    for key, name in model.names.items():
        value = model.get_parameter(key)
        if value.requires_grad:
            out[name] = value.detach().half().cpu().contiguous()
    for name, value in model.named_parameters():
        if name.endswith(("lora_a", "lora_b")):
            out[name.replace("/", ".")] = value.detach().half().cpu().contiguous()
    for head in ("pool", "verdict", "span"):
        layer = getattr(model, head)
        out[f"head.{head}.weight"] = layer.weight.detach().float().cpu().contiguous()
        out[f"head.{head}.bias"] = layer.bias.detach().float().cpu().contiguous()
    meta = {"base": "all-MiniLM-L6-v2", "base_sha256": base_hash, "rank": str(rank), "license": "Apache-2.0 (training text: see models/reader/README.md)", "version": "1", **note}
    return out, meta


class Job:
    """Makes the batches of one round, in a process of its own."""
    def __init__(self, own, train, negatives, pool, args):
        self.own, self.train, self.negatives, self.pool, self.args = own, train, negatives, pool, args

    def __call__(self, cloze, n):
        rng = random.Random(self.args.seed * 1000 + n + (500 if cloze else 0))
        tokenizer = open_tokenizer(self.args.tokenizer)
        examples = cloze_epoch(self.own, rng) if cloze else an_epoch(self.train, self.negatives, self.pool, rng)
        return batches(tokenizer, examples, self.args.batch, rng)


def open_tokenizer(path):
    tokenizer = Tokenizer.from_file(path)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--data", required=True)
    args.add_argument("--base", required=True)
    args.add_argument("--base-sha256", default="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db")
    args.add_argument("--tokenizer", required=True)
    args.add_argument("--out")
    args.add_argument("--rank", type=int, default=32, help="0 trains the whole encoder and writes no adapter")
    args.add_argument("--epochs", type=int, default=12, help="how many different rounds of pairs are made")
    args.add_argument("--seconds", type=float, default=120, help="how long the questions are trained on")
    args.add_argument("--cloze-epochs", type=int, default=3)
    args.add_argument("--cloze-seconds", type=float, default=40)
    args.add_argument("--batch", type=int, default=96)
    args.add_argument("--workers", type=int, default=6)
    args.add_argument("--rate", type=float, default=1e-3)
    args.add_argument("--drop", type=float, default=0.1)
    args.add_argument("--holdout", type=float, default=0.0, help="share of the titles kept for measuring")
    args.add_argument("--seed", type=int, default=1)
    args.add_argument("--also", help="a folder of the same form that is measured and never trained on")
    args.add_argument("--few", type=int, help="use so many questions only, to try the script")
    args = args.parse_args()

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    rng = random.Random(args.seed)
    torch.manual_seed(args.seed)
    questions, corpus = read_data(args.data)
    if args.few:
        rng.shuffle(questions)
        questions = questions[:args.few]
        used = {(q.source, q.doc) for q in questions}
        corpus = {k: v for k, v in corpus.items() if k in used}
    tokenizer = open_tokenizer(args.tokenizer)
    titles = sorted({q.title or q.doc for q in questions})
    random.Random(7).shuffle(titles)
    held = set(titles[:round(len(titles) * args.holdout)])
    dev = [q for q in questions if (q.title or q.doc) in held]
    train = [q for q in questions if (q.title or q.doc) not in held]

    def negatives_of(questions, corpus):
        out = {}
        for source in {q.source for q in questions}:
            docs = [(k, d) for k, d in corpus.items() if k[0] == source]
            index = Bm25([d.get("title", "") + " " + d["text"] for _, d in docs])
            for q in (q for q in questions if q.source == source):
                near = [docs[n] for n in index.top(q.text, 14)]
                out[q.id] = [(d.get("title", ""), d["text"]) for k, d in near
                    if k[1] != q.doc and d["text"] != q.passage and not any(a.lower() in d["text"].lower() for a in q.answers)][:10]
        return out
    negatives = negatives_of(questions, corpus)
    pool = sorted({m.group() for d in corpus.values() for m in re.finditer(r"(?<=[a-z,] )[A-Z][a-z]+(?: [A-Z][a-z]+)*", d["text"])}) or ["Jakarta"]
    trained_docs = {(q.source, q.doc) for q in train}
    own = {k: v for k, v in corpus.items() if k in trained_docs}
    print(f"{len(train)} questions to train on, {len(dev)} to measure, {len(corpus)} passages, {device}, rank {args.rank}", flush=True)

    # Pairs are made by other processes, which start before anything is on the GPU.
    makers = multiprocessing.get_context("fork").Pool(args.workers)
    job = Job(own, train, negatives, pool, args)
    cloze = [makers.apply_async(job, (True, n)) for n in range(args.cloze_epochs)]
    rounds = [makers.apply_async(job, (False, n)) for n in range(args.epochs)]

    base = load_file(args.base)
    model = Encoder(base, args.rank).to(device)
    print(sum(p.numel() for p in model.parameters() if p.requires_grad), "trained numbers", flush=True)
    if cloze:
        fit(model, cloze, args.cloze_seconds, args.rate, device, drop=args.drop, label="cloze")
    fit(model, rounds, args.seconds, args.rate, device, drop=args.drop, label="questions")
    if args.out and args.rank:
        weights, meta = adapter(model, args.base_sha256, args.rank, {"seed": str(args.seed)})
        save_file(weights, args.out, metadata=meta)
        print(args.out, sum(v.numel() * v.element_size() for v in weights.values()), "bytes", flush=True)
    report = {}
    if dev:
        report["held out"] = evaluate(model, tokenizer, dev, negatives, device, "held out")
    if args.also:
        also, also_corpus = read_data(args.also)
        report["also"] = evaluate(model, tokenizer, also, negatives_of(also, also_corpus), device, "also")

if __name__ == "__main__":
    main()
