"""Raw traces as applications might send them: whole ones, sparse ones, and ones with all kinds of faults."""

import random
from collections.abc import Callable
from typing import Any

TOOLS = ["plan", "search", "fetch", "draft", "agent"]
DATES = ["2026-05-29T02:46:58.575926+00:00", "2026-05-29T02:46:58Z", "2026-05-29 02:46:58", "2026-05-29", "2026-05-29T04:46:58.123+02:00", "1969-12-31T23:59:59.5"]
ODD_DATES = ["yesterday", "2026-13-01", "", None, 1_780_000_000, 1_780_000_000_123, 1.78e9, 0, True, [], ["2026"], {"at": 1}]
ODD_NUMBERS = [None, "12", " 7 ", "1.5", "many", "", -1, "-3", 1.5, 2.0, "nan", "inf", True, False, [], {}, [1], 10**12]
ODD_TEXTS = [None, "", 0, 5, 1.5, True, False, [], {}, [{"role": "user", "content": "hi"}], {"text": "hi"}, "ünïcode \u202e😀", "null", " "]


def traces(seed: int, count: int) -> list[dict[str, Any]]:
    rng = random.Random(seed)
    return [trace(rng) for _ in range(count)]


def filler(rng: random.Random, raw: dict[str, Any], oddity: float) -> Callable[..., None]:
    """Puts fields into `raw`: usual values most of the time, odd ones now and then, none otherwise."""

    def put(name: str, usual: Any, odd: list[Any], presence: float = 0.8) -> None:
        if rng.random() < oddity:
            raw[name] = rng.choice(odd)
        elif rng.random() < presence:
            raw[name] = usual

    return put


def trace(rng: random.Random) -> dict[str, Any]:
    # Most have a fault or two; a trace of nothing but faults would say little about each.
    oddity = rng.choice([0, 0, 0.03, 0.08, 0.2])
    raw: dict[str, Any] = {}

    put = filler(rng, raw, oddity)
    put("trace_id", f"t-{rng.randrange(10**9)}", ["", None, 0, 7, "x" * 600, "a\nb"])
    if rng.random() < 0.1:
        raw["id"] = f"alias-{rng.randrange(10**9)}"
    put("prompt", "Explain transformers", ODD_TEXTS)
    put("response", "They attend.", ODD_TEXTS)
    put("latency", rng.choice([0, 12.25, 182, 1499.999, 1500, 1500.0, 98_765.5]), ODD_NUMBERS)
    put("token_count", rng.randrange(5_000), ODD_NUMBERS)
    put("model_name", rng.choice(["gpt-4.1", "claude-sonnet-4-5"]), ["", None, 0, False, [], "x" * 600])
    if rng.random() < 0.2:
        raw["model"] = "alias-model"
    put("project_id", rng.choice(["web", "shop"]), ["", None, 0, 5, False, "x" * 600])
    put("project_name", "Web shop", [None, "", 5], 0.2)
    put("api_key", "abcdef0123456789", [None, "", 5], 0.2)
    put("environment", rng.choice(["production", "staging"]), ["", None, 0, 5, "e\t"])
    put("status", rng.choice(["success", "warning", "failed", "FAILED", "Success"]), ["odd", "", None, 0, 5, [], "ok"], 0.4)
    put("retry_count", rng.randrange(4), ODD_NUMBERS, 0.3)
    put("slow_request", rng.random() < 0.5, [None, 0, 1, "yes"], 0.2)
    put("failure_reason", "it broke", ODD_TEXTS, 0.15)
    put("created_at", rng.choice(DATES), ODD_DATES)
    put("timestamp", rng.choice(DATES), ODD_DATES, 0.1)
    put("input_tokens", rng.randrange(1_000), [None], 0.1)
    if rng.random() < 0.7:
        raw["steps"] = [step(rng, oddity) for _ in range(rng.randrange(5))]
    elif rng.random() < oddity:
        raw["steps"] = rng.choice([None, {}, 5, [5], ["search"], [None], "steps", ""])
    return raw


def step(rng: random.Random, oddity: float) -> dict[str, Any]:
    raw: dict[str, Any] = {}

    put = filler(rng, raw, oddity)
    put("step_id", f"s-{rng.randrange(10**6)}", ["", None, 0, 5], 0.5)
    put("tool_name", rng.choice(TOOLS), ["", None, 0, 5, []])
    put("step_type", rng.choice(TOOLS), ["", None, 0], 0.1)
    for name in ("input", "output"):
        put(name, rng.choice([{"q": 1}, {"a": {"$b.c": None}}, {}]), [None, "", "text", 5, 0, False, [], [1, 2], True])
        put(f"{name}_data", {"old": True}, [None, "", "text", 5], 0.15)
    put("duration", rng.choice([0, 5, 12.5, 800]), ODD_NUMBERS)
    put("success", rng.random() < 0.85, [None, 0, 1, "yes", "", []])
    if raw.get("success") is False and rng.random() < 0.6:
        raw["output"] = rng.choice([{"error": "boom"}, {"message": "no luck"}, {"error": ""}, {"error": {"code": 5}}, {"error": 0, "message": 7}])
    put("timestamp", rng.choice(DATES), ODD_DATES, 0.5)
    put("created_at", rng.choice(DATES), ODD_DATES, 0.1)
    return raw
