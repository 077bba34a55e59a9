//! What is masked, what is not, and that a masked text stays as it is.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::sync::Arc;

use serde_json::{Value, json};
use tracellm_trace::{
    Context, Limits, Source, Timestamp,
    masking::{Detector, MaskRules, Masked, Masker, Maskers, Masking},
    normalize,
    otlp::wire,
};
use uuid::Uuid;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn of(detectors: &[Detector], patterns: &[(&str, &str)]) -> Masker {
    let patterns = patterns.iter().map(|(name, pattern)| ((*name).to_owned(), (*pattern).to_owned())).collect();
    Masker::new(&MaskRules { detectors: detectors.to_vec(), patterns }).unwrap()
}

fn all() -> Masker {
    of(&Detector::ALL, &[])
}

fn masked(masker: &Masker, text: &str) -> String {
    masker.text(text, &mut Masked::new()).unwrap_or_else(|| text.to_owned())
}

#[track_caller]
fn becomes(pairs: &[(&str, &str)]) {
    for (text, expected) in pairs {
        assert_eq!(masked(&all(), text), *expected, "of {text:?}");
    }
}

#[track_caller]
fn stays(texts: &[&str]) {
    for text in texts {
        assert_eq!(all().text(text, &mut Masked::new()), None, "of {text:?}");
    }
}

#[test]
fn keys_and_tokens() {
    becomes(&[
        ("key sk-proj-abc123DEF456ghi789jkl", "key [secret]"),
        ("OPENAI_API_KEY=sk-ant-api03-AbCdEfGh1234567890xyz", "OPENAI_API_KEY=[secret]"),
        ("(ghp_16C7e42F292c6912E7710c838347Ae178B4a)", "([secret])"),
        ("aws AKIAIOSFODNN7EXAMPLE.", "aws [secret]."),
        ("tlm_sk_0123456789abABCDEFGHabcdefgh0123456789ABCDEFgh", "[secret]"),
        ("xoxb-123456789012-abcdefghij", "[secret]"),
        ("https://hooks/AIzaSyA1234567890abcdefghijklmnopqrstuv", "https://hooks/[secret]"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmN and more", "[secret] and more"),
        ("SG.ngeVfQFYQlKU0ufo8x5d1A.TwL2iGABf9DHoTf09kqeF8tAmbihYzrnopKc", "[secret]"),
        ("Authorization: Bearer abcDEF1234567890abcdef", "Authorization: Bearer [secret]"),
        ("authorization: Basic dXNlcjpwYXNzd29yZDEyMw==", "authorization: Basic [secret]"),
        ("postgres://ada:hunter2@db.example.com/shop", "postgres://ada:[secret]@db.example.com/shop"),
        ("a\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\nowIB\n-----END RSA PRIVATE KEY-----\nb", "a\n[secret]\nb"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE and it never ends", "[secret]"),
    ]);
    stays(&[
        "sk-learn-based-classification-model is a library",
        "task-sk-abc123DEF456ghi789jkl",
        "sk-short1",
        "a skeleton eyJ. and eyJhbGci alone",
        "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----",
        "Basic understanding of the bearer of news",
        "https://example.com:8080/a@b and mongodb://localhost:27017/x",
        "the AKIA prefix, AKIAIOSFODNN7EXAMPL, akiaiosfodnn7example",
    ]);
}

#[test]
fn values_under_the_names_of_secrets() {
    becomes(&[
        ("password=hunter2!", "password=[secret]"),
        ("?user=ada&api_key=abcdef&x=1", "?user=ada&api_key=[secret]&x=1"),
        (r#"{"password": "hunter2", "a": "b"}"#, r#"{"password": "[secret]", "a": "b"}"#),
        (r#"{\"clientSecret\":\"a \\\"b\",\"c\":1}"#, r#"{\"clientSecret\":\"[secret]\",\"c\":1}"#),
        ("{'api-key': 'xyz'}", "{'api-key': '[secret]'}"),
        ("password: Tr0ub4dor&3", "password: [secret]&3"),
        ("--api-key=abcdef", "--api-key=[secret]"),
        ("POSTGRES_PASSWORD=hunter22 JWT_SECRET=abcdefgh", "POSTGRES_PASSWORD=[secret] JWT_SECRET=[secret]"),
        (r#"{"cookie": ["sid=1", "b"], "x": 1}"#, r#"{"cookie": ["[secret]"], "x": 1}"#),
        (r#"{\"authorization\":[\"Basic x\"]}"#, r#"{\"authorization\":[\"[secret]\"]}"#),
        ("Cookie: a=1; session=abc def\nAccept: x", "Cookie: [secret]\nAccept: x"),
        (r#""password":"ünïcödé""#, r#""password":"[secret]""#),
        (r#""password":"it never ends"#, r#""password":"[secret]"#),
    ]);
    stays(&[
        "password: required",
        "what is my password? I forgot the secret",
        "api_key=$OPENAI_API_KEY and password=${DB_PASSWORD}",
        r#"{"password": "", "max_tokens": 100, "token": "hello"}"#,
        "the cookie: a biscuit",
        "secret",
        "password=",
    ]);
}

/// In a text that is JSON itself, a line ends by an escape.
#[test]
fn lines_of_json_texts() {
    becomes(&[
        (r"key:\nsk-proj-abc123DEF456ghi789jkl", r"key:\n[secret]"),
        (r#"{"a":"Hi\nada@example.com\t4111 1111 1111 1111\r\n+49 30 1234567"}"#, r#"{"a":"Hi\n[email]\t[card]\r\n[phone]"}"#),
        (r"x\\nPASSWORD=hunter22\\nb", r"x\\nPASSWORD=[secret]\\nb"),
        (r"\u000aada@example.com \u00e4da", r"\u000a[email] \u00e4da"),
        (r"a\n-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\nb", r"a\n[secret]\nb"),
    ]);
    let text = format!("password=\"{}", "\\".repeat(200_000));
    assert_eq!(masked(&all(), &text), "password=\"[secret]");
}

#[test]
fn addresses() {
    becomes(&[
        ("write to ada.lovelace+x@mail.example.co.uk, please", "write to [email], please"),
        ("<ada@example.com>", "<[email]>"),
        ("mailto:ada@example.com?subject=x", "mailto:[email]?subject=x"),
        ("a@b.cc and c@d.ee.", "[email] and [email]."),
        ("ünï@example.com", "ünï@example.com"),
        ("(ada@example.com)", "([email])"),
    ]);
    stays(&[
        "@property",
        "git@github.com:org/repo",
        "user@localhost",
        "logo@2x.png",
        "npm i @scope/pkg@1.2.3",
        "a @ b.com",
        "@example.com",
        "x@.com",
        "a@b..com",
    ]);
}

#[test]
fn cards() {
    becomes(&[
        ("4111 1111 1111 1111", "[card]"),
        ("pay with 4111-1111-1111-1111!", "pay with [card]!"),
        ("378282246310005, 3782 822463 10005", "[card], [card]"),
        ("5555555555554444 6011111111111117", "[card] [card]"),
        ("order 12 4111 1111 1111 1111 of 2026", "order 12 [card] of 2026"),
        ("card:4111111111111111", "card:[card]"),
    ]);
    stays(&[
        "4111 1111 1111 1112",
        "1780000000000000000 and 1764086400000",
        "0.4111111111111111",
        "41111111111111111111111111",
        "a4111111111111111 4111111111111111b",
        "550e8400-e29b-41d4-a716-446655440000",
        "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
        "4444444444444444",
        "9780306406157",
    ]);
}

#[test]
fn phones() {
    becomes(&[
        ("call +49 30 1234567 today", "call [phone] today"),
        ("tel:+15551234567", "tel:[phone]"),
        ("+1 (555) 123-4567", "[phone]"),
        ("(555) 223-4567 or 555-223-4567 or 555.223.4567 or 1-555-223-4567", "[phone] or [phone] or [phone] or [phone]"),
    ]);
    stays(&[
        "2026-11-25T12:00:00+00:00",
        "1+123456789",
        "192.168.1000",
        "version 555.223.45678",
        "+1 555",
        "555-1234",
        "123-456-7890-abcd",
        "(555) and 223-4567",
        "1.2.3.4",
        "550e8400-e29b-415-223-4567",
    ]);
}

#[test]
fn patterns_of_ones_own() {
    let masker = of(&[Detector::Email], &[("order", r"ORD-\d{4,}"), ("word", r"\w+X")]);
    let mut counts = Masked::new();
    let text = masker.text("ORD-1234 of ada@example.com, ORD-99999, fooX and againX [word] orderX", &mut counts).unwrap();
    assert_eq!(text, "[order] of [email], [order], [word] and [word] [word] [word]");
    assert_eq!(json!(counts), json!({"email": 1, "order": 2, "word": 3}));
    assert_eq!(masker.text(&text, &mut counts), None);
}

#[test]
fn rules_are_checked_by_name() {
    let rules = |patterns: &[(&str, &str)]| MaskRules {
        patterns: patterns.iter().map(|(name, pattern)| ((*name).to_owned(), (*pattern).to_owned())).collect(),
        ..MaskRules::default()
    };
    let masking = Masking {
        default: rules(&[("ok", "a+"), ("empty", "a*"), ("bad", "(")]),
        projects: [("shop".to_owned(), rules(&[("No", "x")]))].into(),
    };
    let issues = masking.check();
    let paths: Vec<_> = issues.iter().map(|issue| issue.path.as_str()).collect();
    assert_eq!(paths, ["default.patterns.bad", "default.patterns.empty", "projects.shop.patterns.No"]);
    assert!(issues[0].message.contains("regular expression"), "{}", issues[0].message);
    let long = "x".repeat(MaskRules::LONGEST_PATTERN + 1);
    assert!(!Masking { default: rules(&[("long", &long)]), ..Masking::default() }.check().is_empty());
    assert!(!Masking { default: rules(&[("large", r"\w{1000}")]), ..Masking::default() }.check().is_empty());
}

#[test]
fn a_project_has_its_own_rules_or_the_default() {
    let of = |detectors: &[Detector]| MaskRules { detectors: detectors.to_vec(), ..MaskRules::default() };
    let maskers = Maskers::new(&Masking { default: of(&[Detector::Email]), projects: [("open".to_owned(), of(&[]))].into() });
    assert!(maskers.of("open").is_none());
    assert_eq!(masked(maskers.of("shop").unwrap(), "ada@example.com 4111111111111111"), "[email] 4111111111111111");
}

#[test]
fn every_text_of_a_trace() {
    const MAIL: &str = "ada@example.com";
    let raw = json!({"trace_id": MAIL, "prompt": MAIL, "response": MAIL, "status": "failed", "failure_reason": MAIL, "session_id": MAIL, "user_id": MAIL,
        "tags": [MAIL], "metadata": {"a": [{"b": MAIL}], MAIL: 1, "ada2@example.com": 2, "password": "hunter2", "n": 4111111111111111_i64, "apiKey": [17, {"a": "b"}]},
        "steps": [{"tool_name": MAIL, "input": {"x": MAIL}, "output": {"y": [MAIL]}, "error": MAIL, "metadata": {"z": MAIL}, "success": false}]});
    let context = Context::new(Timestamp::MIN, Uuid::nil(), Source::Json);
    let mut trace = normalize(&raw.to_string(), &context).unwrap().trace;
    let counts = all().trace(&mut trace);
    let text = serde_json::to_string(&trace).unwrap();
    assert_eq!(text.matches('@').count(), 1, "only the id stays: {text}");
    assert_eq!(
        json!(trace.metadata),
        json!({"a": [{"b": "[email]"}], "[email]": 1, "[email]_2": 2, "password": "[secret]", "n": 4111111111111111_i64, "apiKey": ["[secret]", {"a": "[secret]"}]})
    );
    assert_eq!(json!(counts), json!({"email": 14, "secret": 3}));
    let again = trace.clone();
    assert_eq!(all().trace(&mut trace), Masked::new());
    assert_eq!(trace, again);
}

#[test]
fn every_text_of_a_span() {
    let attributes = json!([{"key": "input.value", "value": {"stringValue": "{\"password\":\"x\",\"to\":\"ada@example.com\"}"}},
        {"key": "http.request.header.authorization", "value": {"stringValue": "abc"}}]);
    let span = |id: &str| {
        json!({"traceId": "5b8efff798038103d269b633813fc60c", "spanId": id, "name": "to ada@example.com", "startTimeUnixNano": "1", "attributes": attributes,
        "events": [{"name": "exception", "attributes": attributes}], "status": {"code": 2, "message": "ada@example.com"}})
    };
    let request = json!({"resourceSpans": [{"resource": {"attributes": [{"key": "owner", "value": {"stringValue": "ada@example.com"}}]},
        "scopeSpans": [{"spans": [span("eee19b7ec3c1b174"), span("eee19b7ec3c1b175")]}]}]});
    let (mut spans, _) = wire::read(&request.to_string()).unwrap().into_spans(&Limits::default());
    all().spans(&mut spans);
    let text = serde_json::to_string(&spans).unwrap();
    assert!(!text.contains('@') && !text.contains("abc"), "{text}");
    assert!(Arc::ptr_eq(&spans[0].resource, &spans[1].resource), "spans of a resource share it");
    assert_eq!(spans[0].resource["owner"], Value::from("[email]"));
}
