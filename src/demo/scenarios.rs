use super::{Model, Scenario, StepPlan};

const SMALL: Model = Model { name: "gpt-4.1-mini", input_usd: 0.4, output_usd: 1.6 };
const LARGE: Model = Model { name: "gpt-4.1", input_usd: 2.0, output_usd: 8.0 };
const SONNET: Model = Model { name: "claude-sonnet-4-5", input_usd: 3.0, output_usd: 15.0 };
const HAIKU: Model = Model { name: "claude-haiku-4-5", input_usd: 1.0, output_usd: 5.0 };
const OPEN: Model = Model { name: "llama-3.3-70b-instruct", input_usd: 0.6, output_usd: 0.7 };

const fn step(
    tool: &'static str,
    kind: &'static str,
    usual_ms: f64,
    input: &'static str,
    output: &'static str,
    errors: &'static [&'static str],
) -> StepPlan {
    StepPlan { tool, kind, usual_ms, input, output, errors }
}

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        project: "support-bot",
        environments: &["production", "production", "staging"],
        models: &[SMALL, HAIKU],
        prompts: &[
            (
                "My invoice for October is missing the VAT number. Can you resend it?",
                "I have resent invoice 2026-1184 with your VAT number. It is in your inbox now.",
            ),
            (
                "Where is order 48-20931? It should have arrived on Tuesday.",
                "Your parcel left the depot in Lyon this morning and will arrive tomorrow before noon.",
            ),
            (
                "How do I move my account to another e-mail address?",
                "Open Settings, then Account, and choose “Change address”. We send a link to the new one.",
            ),
            (
                "I was charged twice for the same subscription.",
                "You are right, and I am sorry. The second charge of 19.00 € is refunded; banks take three days.",
            ),
        ],
        steps: &[
            step("classify_intent", "llm", 240.0, "which of 14 intents", "billing", &[]),
            step(
                "search_help_center",
                "retriever",
                90.0,
                "top 6 of 2,310 articles",
                "6 articles, best score 0.83",
                &["index shard 3 is not available"],
            ),
            step(
                "lookup_customer",
                "tool",
                130.0,
                "crm.customers.get",
                "found, plan team-20",
                &["HTTP 504 from crm: upstream timed out after 5000 ms", "HTTP 429 from crm: retry after 2 s"],
            ),
            step(
                "draft_answer",
                "llm",
                820.0,
                "answer in the customer's language",
                "drafted, 2 citations",
                &["context length exceeded: 131,402 of 128,000 tokens"],
            ),
        ],
        tags: &["support", "web"],
        failures_per_100: 7,
        retries_per_100: 10,
    },
    Scenario {
        project: "default",
        environments: &["development"],
        models: &[SMALL, LARGE, OPEN],
        prompts: &[
            (
                "Explain transformers",
                "A transformer lets every token weigh every other one, all at once, which is why it trains so well in parallel.",
            ),
            (
                "Summarise the attached minutes in five bullet points",
                "• The launch moves to 4 December\n• Anna owns the migration plan\n• Two vendors are out\n• Budget stays\n• Next call on Friday",
            ),
            (
                "Translate “we ship on Friday unless the tests are red” into French",
                "« Nous livrons vendredi, sauf si les tests sont au rouge. »",
            ),
        ],
        steps: &[step(
            "chat",
            "llm",
            640.0,
            "one call, no tools",
            "done",
            &["the model is overloaded, try again later", "HTTP 401: the API key is not valid"],
        )],
        tags: &["playground"],
        failures_per_100: 6,
        retries_per_100: 3,
    },
    Scenario {
        project: "travel-agent",
        environments: &["production", "staging", "development"],
        models: &[SONNET, LARGE],
        prompts: &[
            (
                "Book me the cheapest direct flight from Lisbon to Berlin next Friday morning",
                "Booked: TP 534, 07:15 to 11:40, seat 14C, 118.40 €.",
            ),
            (
                "Plan three days in Kyoto with two children, no museum longer than an hour",
                "Day 1: Fushimi Inari early, then the railway museum. Day 2: Arashiyama by boat. Day 3: Nijō castle and the manga library.",
            ),
            (
                "Is my connection in Frankfurt long enough if the first flight is 40 minutes late?",
                "Yes, by 25 minutes. The gates are in the same hall, so there is no second security check.",
            ),
        ],
        steps: &[
            step("plan", "agent", 310.0, "goal and constraints", "4 steps", &[]),
            step(
                "search_flights",
                "tool",
                1100.0,
                "LIS, BER, 2026-11-27, direct",
                "17 offers, cheapest 118.40 EUR",
                &["timeout after 5000 ms", "partner API answered 503"],
            ),
            step("rank_offers", "llm", 430.0, "price first, then departure", "offer 3", &[]),
            step("reserve_seat", "tool", 620.0, "TP 534, aisle", "14C", &["seat map changed, hold was lost"]),
            step("write_confirmation", "llm", 540.0, "short, with times and price", "confirmed", &[]),
        ],
        tags: &["agent", "booking"],
        failures_per_100: 12,
        retries_per_100: 18,
    },
    Scenario {
        project: "sql-analyst",
        environments: &["staging", "production"],
        models: &[LARGE, OPEN],
        prompts: &[
            (
                "Which five customers grew most in the last quarter, and by how much?",
                "Northwind +41 %, Acme +33 %, Globex +29 %, Initech +21 %, Umbrella +18 %.",
            ),
            (
                "Why did sign-ups fall on the 14th?",
                "The consent banner covered the form on phones between 09:10 and 16:45; desktop sign-ups did not change.",
            ),
        ],
        steps: &[
            step("read_schema", "retriever", 45.0, "tables that mention customers", "customers, orders, order_lines", &[]),
            step("write_sql", "llm", 910.0, "postgres, read only", "SELECT c.name, sum(l.total) …", &[]),
            step(
                "run_sql",
                "tool",
                380.0,
                "statement timeout 10 s",
                "5 rows",
                &["column \"quarter\" does not exist", "canceling statement due to statement timeout"],
            ),
            step("explain_result", "llm", 700.0, "for a person who knows no SQL", "explained", &[]),
        ],
        tags: &["analytics", "sql"],
        failures_per_100: 9,
        retries_per_100: 22,
    },
];
