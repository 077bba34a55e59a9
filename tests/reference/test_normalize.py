"""The same raw traces through `tracellm normalize` and through the reference package: the same documents, the same refusals.

Where contract.md differs from the reference on purpose, the difference is named in CASES, in words. What no case explains fails, and so
does a case that explains nothing: it would be a sentence that nobody checked.
"""

import collections
import datetime
import json
import math
import os
import subprocess
import unittest
from typing import Any

from app.database.trace_service import normalize_trace_document

import generate

COUNT, SEED = 20_000, 20_261_125
TRACE_FIELDS = ["trace_id", "prompt", "response", "latency", "token_count", "model_name", "project_id", "project_name", "api_key", "environment", "status", "retry_count", "slow_request", "failure_reason", "created_at"]
STEP_FIELDS = ["step_id", "tool_name", "input", "output", "duration", "success", "timestamp"]
COUNTS = ["token_count", "retry_count"]
NAMES = ["model_name", "model", "project_id", "environment"]


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def steps_of(raw: dict) -> list:
    return raw["steps"] if isinstance(raw.get("steps"), list) else []


def numbers_of(raw: dict) -> list[tuple[str, Any]]:
    """Every number that a raw trace gives, with the name of its field."""
    of_steps = [("duration", step["duration"]) for step in steps_of(raw) if isinstance(step, dict) and "duration" in step]
    return [(name, raw[name]) for name in ["latency", *COUNTS] if name in raw] + of_steps


def dates_of(raw: dict) -> list[Any]:
    return [given.get(name) for given in [raw, *dicts(raw)] for name in ("created_at", "timestamp")]


def date_of(given: dict, *names: str) -> Any:
    return next((given[name] for name in names if given.get(name) not in (None, "")), None)


def dicts(raw: dict) -> list[dict]:
    return [step for step in steps_of(raw) if isinstance(step, dict)]


def is_fractional(value: Any) -> bool:
    return isinstance(value, float) and value != int(value)


def is_no_text(value: Any) -> bool:
    return value is not None and not isinstance(value, str)


def is_not_finite(value: Any) -> bool:
    return isinstance(value, str) and value.strip().lower() in ("nan", "inf")


# What only the reference refuses, and what only TraceLLM refuses: the words, and whether they speak of this raw trace.
REFUSED_BY_THEM = {
    "null is absent: a number or a list that is null has its default": lambda raw: any(value is None for _, value in numbers_of(raw)) or ("steps" in raw and raw["steps"] is None),
}
REFUSED_BY_US = {
    "a fractional count is refused, not cut": lambda raw: any(name in COUNTS and is_fractional(value) for name, value in numbers_of(raw)),
    "NaN and infinity are no numbers": lambda raw: any(is_not_finite(value) for _, value in numbers_of(raw)),
    "a bool is no number": lambda raw: any(isinstance(value, bool) for _, value in numbers_of(raw)),
    "a `success` that is no bool is refused": lambda raw: any(step.get("success") is not None and not isinstance(step.get("success"), bool) for step in dicts(raw)),
    "a date that is neither text nor number is refused": lambda raw: any(isinstance(value, (bool, list, dict)) for value in dates_of(raw)),
    "identifiers have at most 512 bytes and no control characters": lambda raw: any(isinstance(raw.get(name), str) and (len(raw[name]) > 512 or any(ord(c) < 32 for c in raw[name])) for name in ["trace_id", *NAMES]),
    "a name or an id that is no text is refused": lambda raw: any(is_no_text(raw.get(name)) for name in ["trace_id", "id", *NAMES, "status", "project_name", "api_key"]) or any(is_no_text(step.get(name)) for step in dicts(raw) for name in ("step_id", "tool_name", "step_type")),
    "a `slow_request` that is no bool is refused": lambda raw: raw.get("slow_request") is not None and not isinstance(raw.get("slow_request"), bool),
    "`steps` that are no list are refused": lambda raw: raw.get("steps") is not None and not isinstance(raw.get("steps"), list),
}


def json_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def reason_of(raw: dict) -> Any:
    """What gives the failure reason, by the rule that both share."""
    if raw.get("failure_reason"):
        return raw["failure_reason"]
    for step in dicts(raw):
        if step.get("success") is False:
            output = step.get("output") or step.get("output_data") or {}
            return (output.get("error") or output.get("message")) if isinstance(output, dict) else None
    return None


# Fields of the trace in which the documents may differ: the field, the words, and whether they speak of this.
TRACE_CASES = [
    ("trace_id", "an id is made where none is given", lambda raw, ours, theirs: not raw.get("trace_id") and not raw.get("id")),
    ("prompt", "null is absent: the prompt is then empty, not `None`", lambda raw, ours, theirs: raw.get("prompt", "") is None and ours == ""),
    ("prompt", "a prompt that is no text becomes its JSON text", lambda raw, ours, theirs: ours == json_text(raw.get("prompt"))),
    ("response", "a response that is no text becomes its JSON text", lambda raw, ours, theirs: ours == json_text(raw.get("response"))),
    ("token_count", "the sum of the parts where the whole is not given", lambda raw, ours, theirs: raw.get("token_count") is None and ours == raw.get("input_tokens")),
    ("status", "counted retries make a `warning`", lambda raw, ours, theirs: (ours, theirs) == ("warning", "success") and not raw.get("retry_count")),
    ("slow_request", "slow is what took 1500 ms, whatever is said", lambda raw, ours, theirs: "slow_request" in raw),
    ("failure_reason", "a reason that is no text becomes its JSON text", lambda raw, ours, theirs: not isinstance(reason_of(raw), str) and ours == json_text(reason_of(raw))),
    ("created_at", "an epoch number is a date", lambda raw, ours, theirs: is_number(date_of(raw, "created_at", "timestamp"))),
    ("created_at", "without a date it is now, by either clock", lambda raw, ours, theirs: date_of(raw, "created_at", "timestamp") is None),
]
STEP_CASES = [
    ("step_id", "a step id is made of the trace's and the position where none is given", lambda step, ours, theirs: not step.get("step_id")),
    ("success", "null is absent: such a step succeeded", lambda step, ours, theirs: "success" in step and step["success"] is None and ours is True),
    ("timestamp", "an epoch number is a date", lambda step, ours, theirs: is_number(date_of(step, "timestamp", "created_at"))),
    ("timestamp", "without a date it is the trace's start and the durations before it", lambda step, ours, theirs: date_of(step, "timestamp", "created_at") is None),
]
# A step whose `success` is null failed for the reference: its status and reason follow from that.
FOLLOWS = "null is absent: what follows from a step that says `success: null`"


def comparable(value: Any) -> Any:
    """Dates are whole milliseconds, cut, in UTC."""
    if isinstance(value, datetime.datetime):
        value = value.astimezone(datetime.timezone.utc)
        return value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03d}Z"
    return value


def of_reference(raw: dict) -> dict | None:
    try:
        return normalize_trace_document(json.loads(json.dumps(raw)))
    except Exception:  # Whatever it raises, it refuses.
        return None


def of_tracellm(raws: list[dict]) -> list[dict]:
    lines = "".join(json.dumps(raw) + "\n" for raw in raws)
    done = subprocess.run([os.environ["TRACELLM_BINARY"], "normalize"], input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


class Differential(unittest.TestCase):
    def test_the_same_documents_and_the_same_refusals(self) -> None:
        raws = generate.traces(SEED, COUNT)
        used: collections.Counter[str] = collections.Counter()
        unexplained: list[str] = []
        compared = refused = 0

        def explain(cases: list[tuple[str, bool]], what: str, raw: dict) -> None:
            found = [words for words, speaks in cases if speaks]
            used.update(found[:1] if not what.startswith("only") else found)
            if not found:
                unexplained.append(f"{what}\n    {json.dumps(raw)[:1500]}")

        answers = of_tracellm(raws)
        self.assertEqual(len(answers), COUNT)
        for raw, answer in zip(raws, answers):
            theirs = of_reference(raw)
            if not answer["ok"] and theirs is None:
                refused += 1
                continue
            if not answer["ok"]:
                said = [(error["path"], error["message"]) for error in answer["errors"]]
                explain([(words, speaks(raw)) for words, speaks in REFUSED_BY_US.items()], f"only TraceLLM refuses: {said}", raw)
                continue
            if theirs is None:
                explain([(words, speaks(raw)) for words, speaks in REFUSED_BY_THEM.items()], "only the reference refuses", raw)
                continue
            compared += 1
            ours = answer["trace"]
            follows = any("success" in step and step["success"] is None for step in dicts(raw))
            for field in TRACE_FIELDS:
                here, there = ours[field], comparable(theirs[field])
                if here != there or (isinstance(here, float) and math.copysign(1, here) != math.copysign(1, there)):
                    cases = [(words, speaks(raw, here, there)) for name, words, speaks in TRACE_CASES if name == field]
                    cases.append((FOLLOWS, follows and field in ("status", "failure_reason")))
                    explain(cases, f"`{field}`: {here!r}, reference {there!r}", raw)
            self.assertEqual(len(ours["steps"]), len(theirs["steps"]), raw)
            for index, (raw_step, our_step, their_step) in enumerate(zip(steps_of(raw), ours["steps"], theirs["steps"])):
                for field in STEP_FIELDS:
                    here, there = our_step[field], comparable(their_step[field])
                    if here != there:
                        cases = [(words, speaks(raw_step, here, there)) for name, words, speaks in STEP_CASES if name == field]
                        explain(cases, f"`steps[{index}].{field}`: {here!r}, reference {there!r}", raw)

        print(f"\n{COUNT} raw traces: {compared} compared, {refused} refused by both")
        for words, count in used.most_common():
            print(f"{count:7} × {words}")
        self.assertFalse(unexplained, f"{len(unexplained)} differences that no case explains:\n" + "\n".join(unexplained[:25]))
        every = [*REFUSED_BY_THEM, *REFUSED_BY_US, *(words for _, words, _ in TRACE_CASES + STEP_CASES), FOLLOWS]
        self.assertFalse([words for words in every if not used[words]], "cases that explain nothing")
        self.assertGreater(compared, COUNT // 2)
        self.assertGreater(refused, 500)


if __name__ == "__main__":
    unittest.main()
