"""Bit functions: words from counter and key words. Known answers, diffusion, and inputs that do nothing.

A bit function is asked to look random in every input bit: flipping one changes each output bit with chance 1/2. That
holds for keyed functions such as Philox; a mixer that drops a word leaves whole rows of the avalanche matrix at 0.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from scipy import special

from cofire import checks
from cofire.random._audit import causes as noise_causes
from cofire.random._audit import null, pictures, values
from cofire.random._audit.noise import VALUES, Noise
from cofire.random._audit.question import Question, judged
from cofire.random._audit.report import ANSWERS, COUPLING, AuditReport, Cause, Check
from cofire.random._key import Key

BITS = 32
SAMPLES = 1024
STREAMS, STREAM_STEPS = 16, 2048
BitFunction = Callable[[np.ndarray, np.ndarray], Any]
Answer = tuple[Sequence[int], Sequence[int], Sequence[int]]

# Counter, key and output words of Philox4x32-10, as published with Random123 (kat_vectors).
PHILOX4X32_10: tuple[Answer, ...] = (
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
)


@final
@dataclass(frozen=True, eq=False)
class Words:
    """A bit function with the sizes of its inputs, asked on arrays of 32-bit words."""

    function: BitFunction
    counter_words: int
    key_words: int

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        """Output bits (n, 32 W) of input words (n, counter_words + key_words)."""
        counter, key = inputs[:, : self.counter_words], inputs[:, self.counter_words :]
        words = np.asarray(self.function(counter.copy(), key.copy()))
        if words.dtype.kind not in "iu" or words.ndim != 2 or len(words) != len(inputs) or not words.shape[1]:
            got = f"{words.dtype} of shape {words.shape} for {len(inputs)} inputs"
            fix = "return one row of unsigned 32-bit words for each row of the counter"
            raise checks.InvalidValue(checks.message("function", "integer words (n, W)", got, fix))
        return bits_of((words.astype(np.uint64) & np.uint64(0xFFFFFFFF)).astype(np.uint32))

    def name(self, bit: int) -> str:
        """The name of an input bit: `key[1] bit 7`."""
        word, place = divmod(bit, BITS)
        where, word = ("counter", word) if word < self.counter_words else ("key", word - self.counter_words)
        return f"{where}[{word}] bit {place}"


def bits_of(words: np.ndarray) -> np.ndarray:
    """The bits (n, 32 W) of words (n, W), lowest first, as booleans."""
    places = np.arange(BITS, dtype=np.uint32)
    return ((words[:, :, None] >> places) & np.uint32(1)).astype(bool).reshape(len(words), -1)


def audit_bits(
    function: BitFunction,
    *,
    counter_words: int = 4,
    key_words: int = 2,
    known_answers: Iterable[Answer] = (),
    false_alarms: float = 0.01,
) -> AuditReport:
    """Whether a keyed bit function mixes all of its inputs, and returns the published words.

    The avalanche matrix A[i, o] is the share of samples in which flipping input bit i flips output bit o: 1/2 for a
    good function, 0 where an input bit does not reach an output bit. Inputs are random words and, since that is how
    counters and keys are used, small numbers.

    Parameters
    ----------
    function
        `function(counter (n, counter_words), key (n, key_words)) -> words (n, W)`, all of them uint32 arrays; outputs
        may be of any integer type, of which the low 32 bits count.
    counter_words, key_words
        How many 32-bit words it takes.
    known_answers
        Tuples (counter words, key words, output words); `PHILOX4X32_10` holds those of Philox4x32-10.
    false_alarms
        How often a sound function may be accused.

    Returns
    -------
    AuditReport
        `coupled` when key bits or counter bits are dead or badly mixed: streams that should differ are then related.

    Raises
    ------
    InvalidType, InvalidValue
        If the function does not return integer words, one row for each input.

    >>> def forgets(counter, key):  # the second word of the key is never used
    ...     return (counter[:, :1] * np.uint32(2654435761) ^ key[:, :1] * np.uint32(2246822519)) * np.uint32(3266489917)
    >>> report = audit_bits(forgets, counter_words=1)
    >>> report.causes[0].name, report.causes[0].place["count"]
    ('dead key bits', 32)
    """
    checks.integer("counter_words", counter_words, low=1)
    checks.integer("key_words", key_words, low=0)
    alarms = checks.number("false_alarms", false_alarms, above=0, high=0.5)
    if not callable(function):
        raise checks.InvalidType(checks.message("function", "a callable", repr(function)))
    asked = Words(function, counter_words, key_words)
    inputs = samples(counter_words + key_words)
    outputs = asked(inputs)
    avalanche = avalanche_matrix(asked, inputs, outputs)
    wrong = wrong_answers(asked, known_answers)
    streams = values.examine(neighbouring_streams(asked), white=True, distribution="uniform", false_alarms=alarms)
    own = [avalanche_question(avalanche, asked), row_question(avalanche, asked), *output_questions(outputs)]
    judgement = judged([*own, *streams.questions], alarms)
    found = [*steadiness_cause(asked, inputs, outputs), *answer_cause(wrong)]
    found += [*diffusion_causes(avalanche, asked, judgement), *output_causes(judgement)]
    if not any(cause.kind == COUPLING for cause in found):  # badly mixed bits make related streams, which has been said
        found += noise_causes.likely_causes(streams, judgement[len(own) :])
    shape = f"{counter_words} counter and {key_words} key words to {outputs.shape[1] // BITS}"
    dead = float((avalanche == 0).all(axis=1).sum())
    return AuditReport(
        subject=f"bit function: {shape}",
        false_alarms=alarms,
        checks=judgement,
        causes=found,
        measures={"dead input bits": dead, "wrong known answers": float(len(wrong))},
        pictures={"avalanche": avalanche, "counter bits": counter_words * BITS, **pictures.of_values(streams)},
    )


def neighbouring_streams(asked: Words) -> Noise:
    """The first output word, as a uniform number, of 16 neighbouring keys (or counter words) over 2,048 counters."""
    inputs = np.zeros((STREAM_STEPS, STREAMS, asked.counter_words + asked.key_words), np.uint32)
    inputs[:, :, 0] = np.arange(STREAM_STEPS)[:, None]
    which = asked.counter_words if asked.key_words else asked.counter_words - 1
    inputs[:, :, which] += (np.arange(STREAMS) * (1 if which else STREAM_STEPS)).astype(np.uint32)
    bits = asked(inputs.reshape(-1, inputs.shape[2]))[:, :BITS]
    words = (bits * 2.0 ** np.arange(BITS)).sum(axis=1) + 0.5
    drawn = words.reshape(STREAM_STEPS, STREAMS).T / 2.0**BITS
    return Noise(np.ascontiguousarray(drawn), ("key" if asked.key_words else "stream",), ((STREAMS,),), VALUES)


def steadiness_cause(asked: Words, inputs: np.ndarray, outputs: np.ndarray) -> list[Cause]:
    """A function that answers the same question in two ways."""
    if (asked(inputs) == outputs).all():
        return []
    says = "the same counter and key give other words when asked again"
    remedy = "a bit function has no state: compute the words from counter and key alone"
    return [Cause(name="hidden state", kind=COUPLING, strength=1.0, place={}, says=says, remedy=remedy)]


def samples(words: int) -> np.ndarray:
    """Inputs (SAMPLES, words): half of them random, half small numbers, none of them twice."""
    key = Key(0).fold("audit", "bits")
    random = key.fold("random").integers(0, 2**BITS, (SAMPLES // 2, words))
    small = key.fold("small").integers(0, 1024, (SAMPLES - SAMPLES // 2, words))
    small[:, 0] = key.fold("first").choice(2**14, len(small), replace=False)
    return np.concatenate([random, small]).astype(np.uint32)


def avalanche_matrix(asked: Words, inputs: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """The share of samples in which each output bit flips (32 inputs, 32 W) when one input bit does."""
    rows = []
    for bit in range(inputs.shape[1] * BITS):
        flipped = inputs.copy()
        flipped[:, bit // BITS] ^= np.uint32(1 << bit % BITS)
        rows.append((asked(flipped) != outputs).mean(axis=0))
    return np.array(rows)


def share_p(share: float, n: int) -> float:
    """Two-sided p of a share of n fair coins."""
    heads = max(share, 1 - share) * n
    return float(min(1.0, 2 * special.bdtrc(np.ceil(heads) - 1, n, 0.5)))


def share_edge(p: float, n: int) -> float:
    """The distance from 1/2 that chance reaches with probability p."""
    return float(-special.ndtri(p / 2) / (2 * np.sqrt(n)))


def avalanche_question(avalanche: np.ndarray, asked: Words) -> Question:
    """The input and output bit furthest from one half."""
    off = np.abs(avalanche - 0.5)
    i, o = np.unravel_index(int(off.argmax()), off.shape)
    return Question(
        name="avalanche, worst pair of bits",
        asks="Does flipping any input bit flip any output bit with chance 1/2?",
        measured=float(off[i, o]),
        p_value=null.any_of(share_p(float(avalanche[i, o]), SAMPLES), avalanche.size),
        edge=lambda p: share_edge(null.each_of(p, avalanche.size), SAMPLES),
        place=f"{asked.name(int(i))} to output bit {int(o)}",
    )


def row_question(avalanche: np.ndarray, asked: Words) -> Question:
    """The input bit that flips too few or too many output bits in all."""
    means, n = avalanche.mean(axis=1), SAMPLES * avalanche.shape[1]
    worst = int(np.abs(means - 0.5).argmax())
    return Question(
        name="avalanche, worst input bit",
        asks="Does flipping any input bit flip half of the output bits?",
        measured=float(abs(means[worst] - 0.5)),
        p_value=null.any_of(share_p(float(means[worst]), n), len(means)),
        edge=lambda p: share_edge(null.each_of(p, len(means)), n),
        place=asked.name(worst),
    )


def output_questions(outputs: np.ndarray) -> list[Question]:
    """Output bits that are one too often or too seldom, and pairs of them that agree too often or too seldom."""
    n, M = outputs.shape
    ones = outputs.mean(axis=0)
    bit = int(np.abs(ones - 0.5).argmax())
    signs = outputs.astype(np.float32) * 2 - 1
    agree = np.triu(signs.T @ signs / n, 1)
    pairs = M * (M - 1) / 2
    i, j = np.unravel_index(int(np.abs(agree).argmax()), agree.shape)
    return [
        Question(
            name="output bit, most biased",
            asks="Is every output bit one half of the time?",
            measured=float(abs(ones[bit] - 0.5)),
            p_value=null.any_of(share_p(float(ones[bit]), n), M),
            edge=lambda p: share_edge(null.each_of(p, M), n),
            place=f"output bit {bit}",
        ),
        Question(
            name="output bits, most alike",
            asks="Do any two output bits agree half of the time?",
            measured=float(abs(agree[i, j]) / 2),
            p_value=null.any_of(share_p(float((1 + agree[i, j]) / 2), n), pairs),
            edge=lambda p: share_edge(null.each_of(p, pairs), n),
            place=f"output bits {int(i)} and {int(j)}",
        ),
    ]


def wrong_answers(asked: Words, known: Iterable[Answer]) -> list[int]:
    """The numbers of the known answers that the function does not give."""
    wrong = []
    for number, (counter, key, words) in enumerate(known):
        inputs = np.array([[*counter, *key]], dtype=np.uint64).astype(np.uint32)
        if inputs.shape[1] != asked.counter_words + asked.key_words:
            got = f"{len(counter)} counter and {len(key)} key words in answer {number}"
            wanted = f"{asked.counter_words} and {asked.key_words}"
            raise checks.InvalidValue(checks.message("known_answers", wanted, got, "give counter_words and key_words"))
        if not np.array_equal(asked(inputs)[0], bits_of(np.array([words], dtype=np.uint32))[0]):
            wrong.append(number)
    return wrong


def answer_cause(wrong: list[int]) -> list[Cause]:
    """The function is another one than it is said to be."""
    if not wrong:
        return []
    says = f"{len(wrong)} of the published words differ (first: number {wrong[0]})"
    remedy = "compare word order, constants and number of rounds with the reference implementation"
    place = {"answers": wrong}
    return [Cause(name="wrong known answers", kind=ANSWERS, strength=1.0, place=place, says=says, remedy=remedy)]


def diffusion_causes(avalanche: np.ndarray, asked: Words, judgement: Sequence[Check]) -> list[Cause]:
    """Dead inputs, named as key or counter bits, and inputs that are mixed badly."""
    if not any(check.found and check.name.startswith("avalanche") for check in judgement):
        return []
    dead = (avalanche == 0).all(axis=1)
    split = asked.counter_words * BITS
    causes = [
        *dead_bits("key", np.flatnonzero(dead[split:]) + split, len(dead) - split, asked),
        *dead_bits("counter", np.flatnonzero(dead[:split]), split, asked),
    ]
    edge = share_edge(null.each_of(0.001, avalanche.size), SAMPLES)
    weak = np.flatnonzero(~dead & (np.abs(avalanche - 0.5).max(axis=1) > edge))
    if len(weak):
        off = float(np.abs(avalanche[weak] - 0.5).max() * 2)
        says = f"{len(weak)} input bits flip some output bits too seldom or too often ({asked.name(int(weak[0]))}, ...)"
        place = {"bits": [asked.name(int(bit)) for bit in weak], "count": len(weak)}
        remedy = "mix with more rounds: neighbouring counters or keys now give related words"
        causes.append(Cause(name="weak diffusion", kind=COUPLING, strength=off, place=place, says=says, remedy=remedy))
    return causes


def dead_bits(which: str, bits: np.ndarray, of: int, asked: Words) -> list[Cause]:
    """Input bits that no output depends on."""
    if not len(bits):
        return []
    meaning = {
        "key": "keys that differ only in these bits give one and the same stream",
        "counter": "steps or units that differ only in these bits get the same numbers",
    }
    names = [asked.name(int(bit)) for bit in bits]
    says = f"{len(bits)} of {of} {which} bits never reach the output ({names[0]}{', ...' if len(bits) > 1 else ''}): "
    says += meaning[which]
    place = {"bits": names, "count": len(bits)}
    remedy = "carry both halves of every product through the rounds, and add every key word"
    name, strength = f"dead {which} bits", len(bits) / of
    return [Cause(name=name, kind=COUPLING, strength=strength, place=place, says=says, remedy=remedy)]


def output_causes(judgement: Sequence[Check]) -> list[Cause]:
    """Output bits that are biased or tied to each other."""
    causes = []
    for check in judgement:
        if check.found and check.name.startswith("output"):
            name = "biased output bits" if "biased" in check.name else "tied output bits"
            says = f"{check.place}: {check.measured:.3g} from one half, sound functions stay within {check.edge:.2g}"
            place, strength = {"where": check.place}, min(1.0, 2 * check.measured)
            causes.append(Cause(name=name, kind=COUPLING, strength=strength, place=place, says=says))
    return causes
